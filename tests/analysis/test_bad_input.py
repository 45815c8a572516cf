"""From material that is odd, hostile or too large, to a track that plays or an error that says why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from places import read_only, small_disk
from recordings import hits, sine, write_float_wav, write_stem_mp4, write_wav

from remixd.analysis.__main__ import told_as
from remixd.analysis.ingest import ingest
from remixd.analysis.warm import warm
from remixd.control.caches import Caches
from remixd.control.offline import render
from remixd.errors import BadAudio, Exhausted, InvalidInput, NotFound, RemixdError
from remixd.mix import NEUTRAL
from remixd.track.cache import verify
from remixd.track.flac import read_flac
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.package import Track
from remixd.track.roles import parse_mapping

CEILING = 10 ** (-1 / 20)


def bring(path: Path, library: Library, *mapping: str) -> Track:
    return ingest(
        path,
        library,
        ImportOptions(roles=parse_mapping(mapping), splitter="none"),
        lambda _share, _doing: None,
    ).track


def played(track: Track, library: Library) -> np.ndarray:
    """The whole track, as it sounds."""
    with asyncio.run(Caches(library.path).hold(track)) as lease:
        return np.concatenate(list(render(track, lease.paths, NEUTRAL, 0.0, None)))


@pytest.fixture
def library(tmp_path: Path):
    with Library(tmp_path / "library") as opened:
        yield opened


@pytest.mark.parametrize(
    "rate_hz",
    [8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000],
)
def test_every_rate_from_8_to_192_khz_plays_in_its_exact_length(
    tmp_path: Path, library: Library, rate_hz: int
) -> None:
    song = write_wav(tmp_path / "song.wav", sine(0.5001, 1000, rate_hz), rate_hz)
    track = bring(song, library)
    frames = round(round(0.5001 * rate_hz) * 48_000 / rate_hz)
    with asyncio.run(Caches(library.path).hold(track)) as lease:
        assert [verify(path).frames for path in lease.paths] == [frames]
    sound = played(track, library)
    assert len(sound) == frames
    spectrum = np.abs(np.fft.rfft(sound[:24_000, 0] * np.hanning(24_000)))
    assert int(spectrum.argmax()) == 500  # 1000 Hz in bins of 2 Hz


def test_surround_is_folded_told_and_plays(tmp_path: Path, library: Library) -> None:
    six = np.zeros((24_000, 6))
    six[:, 2] = sine(0.5, 500, 48_000)[:, 0]  # the voice is in the centre
    track = bring(write_wav(tmp_path / "song.wav", six, 48_000), library)
    assert track.notes[0] == "song.wav has 6 channels: folded to stereo"
    sound = played(track, library)
    np.testing.assert_allclose(sound[:, 0], sound[:, 1], atol=1e-6)
    assert np.abs(sound).max() > 0.05


def test_what_clips_far_beyond_full_scale_is_kept_and_limited(tmp_path: Path, library: Library) -> None:
    loud = (20 * sine(1.0, 300, 48_000, level=1.0)).astype(np.float32)
    track = bring(write_float_wav(tmp_path / "loud.wav", loud, 48_000), library)
    assert track.stems[0].gain == 32.0
    sound = played(track, library)
    assert np.isfinite(sound).all()
    assert 0.5 < np.abs(sound[4800:]).max() <= CEILING * 1.0001


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_one_sample_that_is_no_number_refuses_the_song(
    tmp_path: Path, library: Library, value: float
) -> None:
    folder = tmp_path / "song"
    folder.mkdir()
    write_wav(folder / "drums.wav", hits(0.5, 120))
    bass = sine(0.5, 60)
    bass[1234, 1] = value
    write_float_wav(folder / "bass.wav", bass)
    with pytest.raises(BadAudio, match=r"bass\.wav .*frame 1234"):
        bring(folder, library)
    assert library.tracks() == []


def test_a_constant_offset_is_told_and_changes_neither_sound_nor_beats(
    tmp_path: Path, library: Library
) -> None:
    drums = 0.5 * hits(12.0, 120)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    clean = bring(write_wav(tmp_path / "a" / "song.wav", drums, bits=24), library)
    moved = bring(write_wav(tmp_path / "b" / "song.wav", drums - 0.2, bits=24), library)
    assert clean.notes == ()
    assert moved.notes == ("song.wav has a constant offset (DC) of 20 %: it is kept, and may thump",)
    kept = np.concatenate(list(read_flac(moved.file_of(moved.stems[0]))))
    np.testing.assert_allclose(kept, drums - 0.2, atol=2**-23)
    np.testing.assert_allclose(moved.analysis.beats_s, clean.analysis.beats_s, atol=0.001)
    assert moved.analysis.loudness_lufs == pytest.approx(clean.analysis.loudness_lufs, abs=0.1)


HOSTILE = (
    "..", "../../etc/passwd", "a/../../b", "/etc/passwd", "~root", "-rf", "$(reboot)", "`id`", "a;b|c&d",
    "%s%n", "\x07\x1b[2Jbell", "line\nbreak\r", "tab\tulator", "nul\x00byte", "\u202eevil\u202c", "\ufeff",
    "가" * 100, "e" * 300, " . ", "CON", "\udc80lone", "🥁" * 75, "<script>alert(1)</script>",
    "'; DROP TABLE tracks; --",
)  # fmt: skip


def check_safe(track: Track, library: Library) -> None:
    """Nothing of a name can do harm where it is kept, shown or used as a file."""
    for text in (track.title, track.artist, track.isrc, track.source_name, *track.notes):
        assert text.isprintable() or text == "", repr(text)
        text.encode("utf-8")
    assert len(track.title) <= 300
    for stem in track.stems:
        assert track.file_of(stem).resolve().is_relative_to(library.path.resolve() / "tracks" / track.id)
    assert track.folder.parent == library.path / "tracks"
    assert library.get(track.id) == track
    assert [row.title for row in library.tracks()] == [track.title]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_or_folder_name_does_no_harm(tmp_path: Path, library: Library, name: str) -> None:
    safe = name.replace("/", "∕").replace("\0", "").encode("utf-8", "surrogateescape")[:200]
    folder = tmp_path / ("d" + safe.decode("utf-8", "surrogateescape"))
    folder.mkdir()
    write_wav(folder / f"v{safe.decode('utf-8', 'surrogateescape')}.wav", hits(0.1, 120))
    write_wav(folder / "drums.wav", hits(0.1, 120))
    check_safe(bring(folder, library), library)


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\udc80" not in name])
def test_a_hostile_title_or_stem_name_inside_a_file_does_no_harm(
    tmp_path: Path, library: Library, name: str
) -> None:
    folder = tmp_path / "song"
    folder.mkdir()
    write_wav(folder / "drums.wav", hits(0.1, 120))
    document = tomli_w.dumps({"title": name, "artist": name, "isrc": name})
    (folder / "song.toml").write_text(document, "utf-8")
    check_safe(bring(folder, library), library)
    library.delete(library.tracks()[0].id)
    streams = [hits(0.2, 120)] * 5
    path = write_stem_mp4(tmp_path / "a.stem.mp4", streams, [name, name, "bass", ""])
    track = bring(path, library)
    assert len({stem.name for stem in track.stems}) == 4
    check_safe(track, library)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_in_a_mapping_is_told_printably(tmp_path: Path, library: Library, name: str) -> None:
    song = write_wav(tmp_path / "song.wav", hits(0.1, 120))
    with pytest.raises(NotFound) as refused:
        bring(song, library, f"{name}=drums")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 2000


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    song = tmp_path / "song"
    song.mkdir()
    rng = np.random.default_rng(1)
    for name in ("drums", "bass"):
        write_wav(song / f"{name}.wav", rng.uniform(-0.9, 0.9, (60_000, 2)), 44_100, bits=24)
    outcomes = []
    for size in range(400_000, 3_200_000, 200_000):
        with small_disk(tmp_path / f"disk-{size}", size) as disk, Library(disk) as library:
            try:
                track = bring(song, library)
            except (RemixdError, OSError) as error:
                told = told_as(error)
                assert isinstance(told, Exhausted), told
                assert "full" in str(told)
                assert library.tracks() == []
                assert list((disk / "incoming").iterdir()) == []
                assert list((disk / "tracks").iterdir()) == []
                outcomes.append("full")
            else:
                assert [row.id for row in library.tracks()] == [track.id]
                outcomes.append(_cached(track, library))
    assert {"full", "no room for the cache", "played"} == set(outcomes)


def _cached(track: Track, library: Library) -> str:
    """Whether there was room for the cache too; there is none of it if not."""
    try:
        warm(track, library.path, 10**12, lambda _share, _doing: None)
    except OSError as error:
        if not isinstance(told_as(error), Exhausted):
            raise
        assert all(verify(path) for path in (library.path / "cache" / track.id).iterdir())
        return "no room for the cache"
    return "played"


def test_a_read_only_library_can_be_read_and_says_what_it_cannot_do(tmp_path: Path) -> None:
    root = tmp_path / "library"
    song = write_wav(tmp_path / "song.wav", hits(0.5, 120))
    with Library(root) as library:
        warmed, cold = bring(song, library), bring(write_wav(tmp_path / "b.wav", sine(0.5, 99)), library)
        sound = played(warmed, library)
    with read_only(root), Library(root) as library:
        assert [row.id for row in library.tracks()] == [warmed.id, cold.id]
        np.testing.assert_array_equal(played(library.get(warmed.id), library), sound)
        assert bring(song, library).id == warmed.id  # it is there: nothing has to be written
        for attempt in (
            lambda: bring(write_wav(tmp_path / "c.wav", sine(0.5, 77)), library),
            lambda: library.delete(warmed.id),
            lambda: library.lock_for_serving().__enter__(),
        ):
            with pytest.raises(InvalidInput, match="is read-only here"):
                attempt()
        with pytest.raises(InvalidInput, match="Read-only file system"):
            played(cold, library)
    with Library(root) as library:
        assert len(library.tracks()) == 2
