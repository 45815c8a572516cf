import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import hits, sine, write_coded, write_float_wav, write_stem_mp4, write_wav

from remixd.analysis import ingest as ingest_module
from remixd.analysis.ingest import Ingested, ingest
from remixd.errors import BadAudio, InvalidInput, NotFound, RemixdError
from remixd.track.flac import read_flac
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.package import Stem, Track
from remixd.track.roles import parse_mapping

Import = Callable[..., Ingested]


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library(tmp_path_factory.mktemp("library")) as opened:
        yield opened


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A folder of three stems of 6 s at 120 bpm."""
    folder = tmp_path / "My Song"
    folder.mkdir()
    write_wav(folder / "drums.wav", hits(6.0, 120))
    write_wav(folder / "bass.wav", sine(6.0, 55), bits=24)
    write_coded(folder / "Lead Vox.flac", sine(6.0, 440))
    return folder


def bring(path: Path, library: Library, *mapping: str) -> Ingested:
    return ingest(
        path,
        library,
        ImportOptions(roles=parse_mapping(mapping), splitter="none"),
        lambda _share, _doing: None,
    )


def refused(path: Path, library: Library, *mapping: str, kind: type[RemixdError] = BadAudio) -> str:
    """The error of an import that must leave nothing behind, as one line."""
    with pytest.raises(kind) as error:
        bring(path, library, *mapping)
    assert library.tracks() == []
    assert list((library.path / "tracks").iterdir()) == []
    assert list((library.path / "incoming").iterdir()) == []
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def kept(track: Track, name: str) -> np.ndarray:
    stem = next(stem for stem in (*track.stems, track.master) if stem and stem.name == name)
    return np.concatenate(list(read_flac(track.file_of(stem), stem.gain)))


def cast(track: Track) -> dict[str, str]:
    return {stem.name: stem.role for stem in track.stems}


def test_a_folder_of_stems_becomes_a_track(song: Path, library: Library) -> None:
    done = bring(song, library)
    track = done.track
    assert done.new
    assert (track.title, track.source_kind, track.source_name) == ("My Song", "folder", "My Song")
    assert track.id == f"my-song-{track.content[:8]}"
    assert cast(track) == {"lead-vox": "vocals", "bass": "bass", "drums": "drums"}
    assert (track.rate_hz, track.frames, track.master, track.notes) == (44_100, 6 * 44_100, None, ())
    assert library.get(track.id) == track
    assert [row.bpm for row in library.tracks()] == [track.analysis.bpm]


def test_the_sound_is_kept_sample_by_sample(song: Path, library: Library) -> None:
    track = bring(song, library).track
    drums = np.rint(hits(6.0, 120) * 2**15) / 2**15
    bass = np.rint(sine(6.0, 55) * 2**23) / 2**23
    np.testing.assert_array_equal(kept(track, "drums"), drums.astype(np.float32))
    np.testing.assert_array_equal(kept(track, "bass"), bass.astype(np.float32))


def test_floats_beyond_full_scale_survive(tmp_path: Path, library: Library) -> None:
    loud = (5.3 * sine(1.0, 100, level=1.0)).astype(np.float32)
    track = bring(write_float_wav(tmp_path / "loud.wav", loud), library).track
    assert track.stems[0].gain == 8.0
    assert np.abs(kept(track, "mix") - loud).max() <= 8 * 2.0**-24


def test_beats_come_with_how_sure_they_are(song: Path, library: Library) -> None:
    found = bring(song, library).track.analysis
    assert found.source == "computed"
    assert found.bpm == pytest.approx(120, rel=0.001)
    assert np.allclose(np.diff(found.beats_s), 0.5, atol=0.002)
    assert set(found.downbeats_s) <= set(found.beats_s)
    assert found.confidence["metre"] < found.confidence["beats"]  # every hit is like every other


def test_the_beats_are_those_of_what_plays(tmp_path: Path, library: Library) -> None:
    write_wav(tmp_path / "vocals.en.wav", sine(6.0, 300))
    write_wav(tmp_path / "vocals.ko.wav", hits(6.0, 120))
    assert bring(tmp_path, library).track.analysis.beats_s == ()


def test_a_master_is_kept_but_is_no_stem(song: Path, library: Library) -> None:
    mix = hits(6.0, 120) / 2
    write_wav(song / "Mix.wav", mix)
    track = bring(song, library).track
    assert "mix" not in cast(track)
    assert track.master == Stem(name="master", role="other", file="master.flac", plays=False)
    np.testing.assert_array_equal(kept(track, "master"), (np.rint(mix * 2**15) / 2**15).astype(np.float32))


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a_master_of_another_length_or_rate_is_left_out(song: Path, library: Library, rate_hz: int) -> None:
    write_wav(song / "master.wav", hits(6.0 if rate_hz == 48_000 else 7.0, 120, rate_hz), rate_hz)
    track = bring(song, library).track
    assert track.master is None
    assert any("master.wav left out" in note for note in track.notes)


def test_of_two_masters_the_mastered_one_is_taken(song: Path, library: Library) -> None:
    write_wav(song / "mix.wav", hits(6.0, 120))
    write_wav(song / "master.wav", hits(6.0, 120) / 2)
    track = bring(song, library).track
    assert np.abs(kept(track, "master")).max() < 0.5
    left_out = [note for note in track.notes if note.startswith("left out")]
    assert left_out == ["left out: mix.wav; master.wav is the master"]


def test_languages_are_alternates(song: Path, library: Library) -> None:
    (song / "Lead Vox.flac").unlink()
    for language in ("ko", "en", "ja"):
        write_wav(song / f"vocals.{language}.wav", sine(6.0, 300 + len(language)))
    track = bring(song, library).track
    assert [stem.name for stem in track.playing_stems] == ["bass", "drums", "vocals-en"]
    assert {stem.name: stem.language for stem in track.stems if stem.role == "vocals"} == {
        "vocals-en": "en", "vocals-ja": "ja", "vocals-ko": "ko",
    }  # fmt: skip
    assert track.language == "en"


def test_a_mapping_says_the_role(song: Path, library: Library) -> None:
    write_wav(song / "mix.wav", hits(6.0, 120))
    track = bring(song, library, "lead vox=other", "mix=vocals").track
    assert cast(track) == {"lead-vox": "other", "mix": "vocals", "bass": "bass", "drums": "drums"}
    with pytest.raises(NotFound, match=r"'drms'.*did you mean drums"):
        bring(song, library, "drms=bass")


def test_song_toml_says_title_and_artist(song: Path, library: Library) -> None:
    (song / "song.toml").write_text('title = "다시 \\"Again\\""\nartist = "The\\nBand"\n')
    track = bring(song, library).track
    assert (track.title, track.artist) == ('다시 "Again"', "The Band")
    assert track.id.startswith("again-")


def test_a_title_without_latin_letters_still_has_an_id(song: Path, library: Library) -> None:
    track = bring(song.rename(song.with_name("노래")), library).track
    assert track.title == "노래"
    assert track.id == f"track-{track.content[:8]}"


def test_stems_whose_names_fall_away_are_told_apart(tmp_path: Path, library: Library) -> None:
    for name in ("보컬", "기타", "피아노", "Drums!", "drums?"):
        write_wav(tmp_path / f"{name}.wav", hits(0.5, 120))
    assert cast(bring(tmp_path, library).track) == {
        "drums": "drums", "drums-2": "drums", "other": "other", "vocals": "vocals", "other-2": "other",
    }  # fmt: skip


@pytest.mark.parametrize("content", ["title = 3", "title = [", "isrc = 1.5"])
def test_a_broken_song_toml_is_named(song: Path, library: Library, content: str) -> None:
    (song / "song.toml").write_text(content)
    assert "song.toml" in refused(song, library, kind=InvalidInput)


def test_an_analysis_that_comes_along_is_taken_as_it_stands(song: Path, library: Library) -> None:
    document = {
        "format": "remixd-analysis-1", "source": "demo", "duration_s": 6.0, "bpm": 77.0, "metre": "3/4",
        "beats_s": [0.1, 0.9], "downbeats_s": [0.1], "key": "C minor", "onsets_s": {"drums": [0.1]},
    }  # fmt: skip
    (song / "analysis.json").write_text(json.dumps(document))
    track = bring(song, library).track
    assert (track.analysis.source, track.analysis.bpm, track.analysis.key) == ("demo", 77.0, "C minor")
    assert track.analysis.onsets_s["drums"] == (0.1,)
    assert track.analysis.onsets_s.keys() == {stem.name for stem in track.stems}
    assert track.notes == ()


def test_onsets_are_kept_under_the_names_that_the_stems_get(song: Path, library: Library) -> None:
    onsets = {"Lead Vox": [0.1], "drums": [0.2], "lead-vox": [0.3], "of nobody": [0.4]}
    document = {
        "format": "remixd-analysis-2", "source": "demo", "duration_s": 6.0, "onsets_s": onsets,
        "onset_strengths": {"Lead Vox": [0.5], "of nobody": [1.0]},
    }  # fmt: skip
    (song / "analysis.json").write_text(json.dumps(document))
    found = bring(song, library).track.analysis
    kept = {"lead-vox": (0.1,), "drums": (0.2,), "of nobody": (0.4,)}
    assert {name: found.onsets_s[name] for name in kept} == kept
    assert (found.onset_strengths["lead-vox"], found.onset_strengths["of nobody"]) == ((0.5,), (1.0,))
    assert "drums" not in found.onset_strengths


@pytest.mark.parametrize(("field", "value"), [("beats_s", [2, 1]), ("bpm", "fast"), ("duration_s", 7.0)])
def test_a_broken_analysis_is_named_with_its_field(
    song: Path, library: Library, field: str, value: Any
) -> None:
    document = {"format": "remixd-analysis-1", "source": "demo", "duration_s": 6.0, field: value}
    (song / "analysis.json").write_text(json.dumps(document))
    told = refused(song, library, kind=InvalidInput)
    assert "analysis.json" in told
    assert field in told


def test_what_is_no_audio_is_left_out_and_told_once(song: Path, library: Library) -> None:
    for name in ("notes.mid", "cover.jpg", "truth.json", ".DS_Store", "._drums.wav"):
        (song / name).write_bytes(b"x")
    (song / "old").mkdir()
    write_wav(song / "old" / "bass.wav", sine(1.0, 50))
    track = bring(song, library).track
    assert track.notes == ("left out, not audio: cover.jpg, notes.mid, old, truth.json",)
    assert len(track.stems) == 3


def test_shorter_stems_are_padded_and_told(song: Path, library: Library) -> None:
    write_wav(song / "pad.wav", sine(5.96, 200))
    track = bring(song, library).track
    assert track.notes == ("pad.wav was 40.0 ms shorter: padded with silence",)
    pad = kept(track, "pad")
    assert len(pad) == 6 * 44_100
    np.testing.assert_array_equal(pad[:-1764], np.rint(sine(5.96, 200) * 2**15) / 2**15)
    assert not pad[-1764:].any()


def test_stems_that_differ_by_more_are_refused(song: Path, library: Library) -> None:
    write_wav(song / "pad.wav", sine(5.94, 200))
    told = refused(song, library)
    assert "pad.wav" in told
    assert "0.060 s" in told
    assert any(name in told for name in ("bass.wav", "drums.wav", "Lead Vox.flac"))


def test_stems_of_different_rates_are_refused(song: Path, library: Library) -> None:
    write_wav(song / "pad.wav", sine(6.0, 200, 48_000), 48_000)
    told = refused(song, library)
    assert "pad.wav" in told
    assert "44100" in told
    assert "48000" in told


def test_one_broken_file_refuses_the_song(song: Path, library: Library) -> None:
    path = song / "bass.wav"
    path.write_bytes(path.read_bytes()[:1000])
    assert "bass.wav" in refused(song, library)
    path.write_bytes(b"")
    assert "bass.wav" in refused(song, library)


def test_two_files_of_one_name_are_refused(song: Path, library: Library) -> None:
    write_coded(song / "bass.flac", sine(6.0, 55))
    told = refused(song, library, kind=InvalidInput)
    assert "bass.flac" in told
    assert "bass.wav" in told


def test_more_than_eight_playing_stems_are_refused(tmp_path: Path, library: Library) -> None:
    for number in range(9):
        write_wav(tmp_path / f"take {number}.wav", hits(0.3, 120))
    assert "9 stems" in refused(tmp_path, library, kind=InvalidInput)
    (tmp_path / "take 0.wav").rename(tmp_path / "mix.wav")
    assert len(bring(tmp_path, library).track.playing_stems) == 8


def test_a_place_without_audio_is_refused(tmp_path: Path, library: Library) -> None:
    empty = tmp_path / "nothing here"
    assert "nothing here" in refused(empty, library)
    empty.mkdir()
    assert "nothing here" in refused(empty, library)
    (empty / "readme.txt").write_text("hello")
    assert "nothing here" in refused(empty, library)
    (empty / "a.stem.mp4").write_bytes(b"")
    assert "a.stem.mp4" in refused(empty, library)


def test_a_full_mix_is_one_stem(tmp_path: Path, library: Library) -> None:
    path = write_coded(tmp_path / "02 song.mp3", hits(6.0, 120), title="The Song", artist="Somebody")
    track = bring(path, library).track
    assert (track.title, track.artist, track.source_kind) == ("The Song", "Somebody", "mix")
    assert (cast(track), track.frames) == ({"mix": "other"}, 6 * 44_100)
    assert cast(bring(path, library, "mix=drums").track) == {"mix": "drums"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ("Vox", "Bass", "Synths", "Kit"),
            {"vox": "vocals", "bass": "bass", "synths": "other", "kit": "drums"},
        ),
        (
            ("Stem 1", "Stem 2", "", "4"),
            {"stem-1": "drums", "stem-2": "bass", "other": "other", "4": "vocals"},
        ),
        (None, {"drums": "drums", "bass": "bass", "other": "other", "vocals": "vocals"}),
    ],
)
def test_a_stem_mp4_has_four_stems_and_a_master(
    tmp_path: Path, library: Library, names: tuple[str, ...] | None, expected: dict[str, str]
) -> None:
    streams = [hits(1.0, 120), *(sine(1.0, 200 * number) for number in range(1, 5))]
    track = bring(write_stem_mp4(tmp_path / "Tune.stem.mp4", streams, names), library).track
    assert (track.title, track.source_kind, cast(track)) == ("Tune", "stem_mp4", expected)
    assert track.master
    for number, stem in enumerate(track.stems, start=1):
        spectrum = np.abs(np.fft.rfft(kept(track, stem.name)[:44_100, 0]))
        assert int(spectrum.argmax()) == 200 * number
    assert any("does not name its stems" in note for note in track.notes) is (names is None)


def test_a_stem_mp4_of_other_streams_is_refused(tmp_path: Path, library: Library) -> None:
    path = write_stem_mp4(tmp_path / "a.stem.mp4", [hits(0.5, 120)] * 3, None)
    assert "3 audio streams" in refused(path, library)


def test_importing_again_changes_nothing(song: Path, library: Library) -> None:
    first = bring(song, library)
    again = bring(song.rename(song.with_name("Another Title")), library)
    assert (first.new, again.new) == (True, False)
    assert again.track == first.track
    assert len(library.tracks()) == 1


def test_other_roles_or_other_sound_are_another_track(song: Path, library: Library) -> None:
    one = bring(song, library).track.id
    two = bring(song, library, "bass=other").track.id
    write_wav(song / "bass.wav", sine(6.0, 60))
    assert len({one, two, bring(song, library).track.id}) == 3


def test_a_source_that_changes_meanwhile_is_refused(
    song: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = ingest_module.survey

    def meddling(source: Any) -> Any:
        found = survey(source)
        if source.name == "drums.wav":
            write_wav(source.path, hits(5.99, 120))
        return found

    monkeypatch.setattr(ingest_module, "survey", meddling)
    assert "drums.wav changed" in refused(song, library)


@pytest.mark.parametrize("seconds", [0.25, 1 / 44_100])
def test_very_short_songs_are_fine(tmp_path: Path, library: Library, seconds: float) -> None:
    track = bring(write_wav(tmp_path / "a.wav", np.full((round(seconds * 44_100), 2), 0.5)), library).track
    assert track.frames == round(seconds * 44_100)
    assert (track.analysis.bpm, track.analysis.beats_s) == (None, ())


def test_silence_and_mono_are_fine_and_told(tmp_path: Path, library: Library) -> None:
    write_wav(tmp_path / "drums.wav", np.zeros((44_100, 1)))
    write_wav(tmp_path / "bass.wav", sine(1.0, 50))
    track = bring(tmp_path, library).track
    no_beat = "no beat was found: bars are 2 s until somebody gives a tempo (`remixd track edit --bpm`)"
    assert track.notes == ("drums.wav is mono: made stereo", "drums.wav is silent", no_beat)


def test_a_name_from_another_world_is_told_printably(song: Path, library: Library) -> None:
    hostile = song.rename(song.parent / b"a\nb\xff\x1b[31m".decode("utf-8", "surrogateescape"))
    write_wav(hostile / b"gui\ntar\xfe.wav".decode("utf-8", "surrogateescape"), sine(5.0, 99))
    refused(hostile, library)
    write_wav(hostile / b"gui\ntar\xfe.wav".decode("utf-8", "surrogateescape"), sine(6.0, 99))
    track = bring(hostile, library).track
    assert track.source_name.isprintable()
    assert track.title.isprintable()
    assert library.get(track.id) == track


def test_progress_rises(song: Path, library: Library) -> None:
    told: list[tuple[float, str]] = []
    ingest(song, library, ImportOptions(), lambda share, doing: told.append((share, doing)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert any("bass.wav" in doing for _, doing in told)
