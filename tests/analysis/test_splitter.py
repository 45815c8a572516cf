from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from recordings import hits, sine, write_coded, write_float_wav, write_wav

from remixd.analysis import ingest as ingest_module
from remixd.analysis import material
from remixd.analysis.harmonic import HarmonicSplitter
from remixd.analysis.ingest import Ingested, ingest
from remixd.analysis.splitter import REST, shared_out
from remixd.errors import BadAudio, NotFound, Unavailable
from remixd.track.flac import Block, read_flac
from remixd.track.import_options import ImportOptions, SplitterName, check_splitter
from remixd.track.library import Library
from remixd.track.package import Track
from remixd.units import StemRole

RATE_HZ = 44_100
LOW, HIGH = -(2**23), 2**23 - 1


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library(tmp_path_factory.mktemp("library")) as opened:
        yield opened


def bring(path: Path, library: Library, splitter: SplitterName = "harmonic") -> Ingested:
    return ingest(path, library, ImportOptions(splitter=splitter), lambda _share, _doing: None)


def kept(track: Track) -> dict[str, np.ndarray]:
    return {s.name: np.concatenate(list(read_flac(track.file_of(s), s.gain))) for s in track.stems}


def split(mix: np.ndarray, cuts: Iterable[int] = (), rate_hz: int = RATE_HZ) -> list[np.ndarray]:
    blocks = np.split(mix.astype(np.float32), sorted(cuts))
    return [np.concatenate(p) for p in zip(*HarmonicSplitter().split(blocks, rate_hz), strict=True)]


def band(seconds: float = 8.0, rate_hz: int = RATE_HZ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drum hits, a bass in the middle, and chords at the sides."""
    drums = hits(seconds, 120, rate_hz)
    bass = np.repeat(sine(seconds, 65, rate_hz)[:, :1], 2, axis=1)
    chord = sum(sine(seconds, hz, rate_hz, level=0.1)[:, 0] for hz in (440, 554, 659))
    return drums, bass, np.stack([chord, -chord], axis=1)


def energy_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.square(sound).mean() + 1e-12))


def si_sdr_db(guess: np.ndarray, truth: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux and others, ICASSP 2019, equation 3)."""
    target = float((guess * truth).sum() / np.square(truth).sum()) * truth
    return energy_db(target) - energy_db(guess - target)


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 96_000])
def test_hits_bass_and_chords_go_where_they_belong(rate_hz: int) -> None:
    drums, bass, chord = band(rate_hz=rate_hz)
    mix = drums + bass + chord
    _, guessed_drums, guessed_bass = split(mix, rate_hz=rate_hz)
    rest = mix - guessed_drums - guessed_bass
    for guess, truth in ((guessed_drums, drums), (guessed_bass, bass), (rest, chord)):
        assert si_sdr_db(guess, truth) > max(6.0, si_sdr_db(mix, truth) + 6.0)


def test_what_is_at_the_sides_is_no_bass() -> None:
    low = sine(4.0, 65)[:, :1]
    _, drums, bass = split(np.concatenate([low, -low], axis=1))
    assert energy_db(bass) < -100
    assert energy_db(drums[RATE_HZ:-RATE_HZ]) < energy_db(low) - 20


def test_a_kick_is_drums_and_the_bass_note_under_it_is_not() -> None:
    _, bass, _ = band()
    time_s = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
    thump = 0.8 * np.sin(2 * np.pi * 55 * time_s) * np.exp(-time_s / 0.06)
    thump[:200] += 0.5 * np.random.default_rng(1).standard_normal(200)
    kick = np.zeros_like(bass)
    dying = np.zeros(len(kick), np.bool_)
    for at in range(0, len(kick) - len(thump), RATE_HZ // 2):
        kick[at : at + len(thump)] += thump[:, None]
        dying[at + round(0.06 * RATE_HZ) : at + round(0.12 * RATE_HZ)] = True
    _, drums, guessed = split(kick + bass * 0.5)
    assert si_sdr_db(drums, kick) > 3.0
    assert si_sdr_db(drums[dying], kick[dying]) > 4.0
    assert si_sdr_db(guessed, bass) > si_sdr_db(kick + bass * 0.5, bass) + 3.0


@settings(max_examples=12, deadline=None)
@given(seconds=st.floats(0.0001, 14.0), cuts=st.lists(st.integers(0, 14 * RATE_HZ), max_size=5))
def test_the_parts_are_the_same_however_the_song_is_cut(seconds: float, cuts: list[int]) -> None:
    mix = sum(band(14.0))[: max(1, round(seconds * RATE_HZ))].astype(np.float32)
    whole, pieces = split(mix), split(mix, cuts)
    np.testing.assert_array_equal(whole[0], mix)
    for one, other in zip(whole, pieces, strict=True):
        assert one.shape == mix.shape
        np.testing.assert_array_equal(one, other)


def test_silence_is_split_into_silence() -> None:
    for part in split(np.zeros((RATE_HZ, 2))):
        assert not part.any()


def test_a_long_song_is_never_held_whole() -> None:
    taken = 0

    def endless() -> Iterator[Block]:
        nonlocal taken
        while True:
            taken += 65_536
            yield np.zeros((65_536, 2), np.float32)

    given_back = 0
    for mix, *_ in HarmonicSplitter().split(endless(), RATE_HZ):
        given_back += mix.shape[0]
        assert taken - given_back < 12 * RATE_HZ
        if given_back > 40 * RATE_HZ:
            break


# To the bit

steps = arrays.arrays(
    np.int32, (7, 2), elements=st.sampled_from([LOW, HIGH, 0, 1, -1]) | st.integers(LOW, HIGH)
)


@given(mix=steps, parts=st.lists(steps, min_size=1, max_size=3))
def test_shares_sum_to_the_mix_and_keep_within_24_bits(mix: np.ndarray, parts: list[np.ndarray]) -> None:
    before = [part.copy() for part in parts]
    shares = shared_out(mix, parts)
    assert len(shares) == len(parts) + 1
    np.testing.assert_array_equal(sum(shares), mix)
    assert all(share.min() >= LOW and share.max() <= HIGH for share in shares)
    for part, was in zip(parts, before, strict=True):
        np.testing.assert_array_equal(part, was)


@given(mix=steps, part=steps)
def test_a_part_changes_only_where_the_rest_would_not_fit(mix: np.ndarray, part: np.ndarray) -> None:
    share, _ = shared_out(mix, [part])
    rest = mix.astype(np.int64) - part
    fits = (rest >= LOW) & (rest <= HIGH)
    np.testing.assert_array_equal(share[fits], part[fits])


@pytest.mark.parametrize("level", [0.5, 1.0, 5.0])
def test_the_stems_of_a_mix_sum_to_it_to_the_bit(tmp_path: Path, library: Library, level: float) -> None:
    mix = (level * sum(band(3.0))).astype(np.float32)
    write_float_wav(tmp_path / "song.wav", mix)
    track = bring(tmp_path / "song.wav", library).track
    whole = bring(tmp_path / "song.wav", library, "none").track
    stems = list(kept(track).values())
    for order in (stems, stems[::-1]):
        total = np.zeros_like(stems[0])
        for stem in order:
            total += stem
        np.testing.assert_array_equal(total, kept(whole)["mix"])


# In the library


def test_a_full_mix_is_split_and_says_that_it_is_a_guess(tmp_path: Path, library: Library) -> None:
    path = write_wav(tmp_path / "song.wav", sum(band(3.0)))
    track = bring(path, library).track
    assert [(stem.name, stem.role, stem.estimated) for stem in track.stems] == [
        ("drums", "drums", True), ("bass", "bass", True), ("other", "other", True),
    ]  # fmt: skip
    assert any("estimated from the mix" in note for note in track.notes)
    assert library.get(track.id).stems == track.stems
    assert track.source_kind == "mix"
    assert not track.rights.vocals_solo


def test_splitting_otherwise_makes_another_track(tmp_path: Path, library: Library) -> None:
    path = write_wav(tmp_path / "song.wav", sum(band(3.0)))
    whole, first, again = bring(path, library, "none"), bring(path, library), bring(path, library)
    assert [stem.name for stem in whole.track.stems] == ["mix"]
    assert not whole.track.stems[0].estimated
    assert first.track.id != whole.track.id
    assert (first.new, again.new, again.track.id) == (True, False, first.track.id)


def test_a_mix_with_a_role_of_its_own_stays_whole(tmp_path: Path, library: Library) -> None:
    path = write_wav(tmp_path / "song.wav", hits(2.0, 120))
    options = ImportOptions(roles={"mix": "drums"})
    track = ingest(path, library, options, lambda _share, _doing: None).track
    assert [(stem.name, stem.role, stem.estimated) for stem in track.stems] == [("mix", "drums", False)]


def test_stems_are_never_split(tmp_path: Path, library: Library) -> None:
    write_wav(tmp_path / "drums.wav", hits(2.0, 120))
    write_wav(tmp_path / "keys.wav", sine(2.0, 440))
    track = bring(tmp_path, library).track
    assert [stem.estimated for stem in track.stems] == [False, False]


class Failing:
    """A splitter that finds out late that it cannot."""

    roles: tuple[StemRole, ...] = ("drums",)
    version = "failing"
    note = "failing"

    def split(self, blocks: Iterable[Block], _rate_hz: int) -> Iterator[tuple[Block, ...]]:
        for block in blocks:
            yield block, block
            raise Unavailable("the splitter broke")


def test_a_splitter_that_fails_leaves_nothing_behind(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(material, "choose_splitter", lambda _name: Failing())
    path = write_wav(tmp_path / "song.wav", hits(4.0, 120))
    with pytest.raises(Unavailable, match="broke"):
        bring(path, library)
    assert library.tracks() == []
    assert list((library.path / "incoming").iterdir()) == []


def test_a_mix_that_changes_while_it_is_split_is_refused(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_wav(tmp_path / "song.wav", hits(4.0, 120))
    survey = ingest_module.survey

    def then_replaced(source: ingest_module.Source) -> ingest_module.Survey:
        found = survey(source)
        write_wav(path, hits(3.0, 120))
        return found

    monkeypatch.setattr(ingest_module, "survey", then_replaced)
    with pytest.raises(BadAudio, match="changed while it was read"):
        bring(path, library)
    assert list((library.path / "incoming").iterdir()) == []


def test_a_grid_is_kept_with_the_song_it_was_given_for(tmp_path: Path, library: Library) -> None:
    path, grid = write_coded(tmp_path / "song.flac", hits(6.0, 120)), tmp_path / "grid.csv"
    grid.write_text("\n".join(f"{0.25 + 0.5 * i},{i % 3 + 1}" for i in range(11)))
    plain = bring(path, library)
    options = ImportOptions(grid=grid)
    track = ingest(path, library, options, lambda _share, _doing: None).track
    assert library.get(track.id).analysis.beats_s == tuple(0.25 + 0.5 * i for i in range(11))
    assert (track.analysis.source, track.analysis.metre) == ("grid", "3/4")
    assert "beats from grid.csv, a list of beats" in track.notes
    assert plain.track.analysis.source == "computed"


def test_a_splitter_is_found_by_name_or_the_nearest_is_told() -> None:
    assert (check_splitter(""), check_splitter(" None ")) == ("harmonic", "none")
    with pytest.raises(NotFound, match="did you mean demucs"):
        check_splitter("demux")
    assert REST == "other"
