"""What an import says of stems that are, or are not, their master."""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import add_sound, write_wav
from sounds import noise

from remixd.analysis.ingest import ingest
from remixd.track.flac import read_flac
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.package import Track

RATE_HZ = 44_100
DRUMS, BASS, OTHER = (noise(8 * RATE_HZ, seed=seed, level=0.05) for seed in (1, 2, 3))


def brought(folder: Path) -> Track:
    with Library(folder / "library") as library:
        return ingest(folder / "song", library, ImportOptions(), lambda _share, _doing: None).track


def imported(folder: Path, **files: np.ndarray) -> Track:
    """Import stems and master."""
    (folder / "song").mkdir()
    for name, pcm in files.items():
        write_wav(folder / "song" / f"{name}.wav", pcm, RATE_HZ, bits=24)
    return brought(folder)


def notes(folder: Path, **files: np.ndarray) -> list[str]:
    """What is told of the sum of stems and master."""
    return [note for note in imported(folder, **files).notes if not note.startswith("left out")]


def sound(track: Track) -> dict[str, np.ndarray]:
    """What was kept of each stem."""
    return {
        stem.name: np.concatenate(list(read_flac(track.file_of(stem), stem.gain))) for stem in track.stems
    }


def late(pcm: np.ndarray, frames: int) -> np.ndarray:
    """The same sound later, silence before it; the rest falls off the end. Or earlier, if negative."""
    moved = np.zeros_like(pcm)
    if frames > 0:
        moved[frames:] = pcm[:-frames]
    else:
        moved[:frames] = pcm[-frames:]
    return moved


def test_stems_that_are_the_master_are_told_as_such_in_one_line(tmp_path: Path) -> None:
    told, no_beat = notes(tmp_path, drums=DRUMS, bass=BASS, master=DRUMS + BASS)
    assert no_beat.startswith("no beat was found")
    assert told.startswith("the stems sum to the master to -")
    assert float(told.split()[-2]) < -80


def test_a_late_stem_is_moved_and_told_with_its_lag_and_what_it_gains(tmp_path: Path) -> None:
    track = imported(tmp_path, drums=DRUMS, bass=late(BASS, 1105), master=DRUMS + BASS)
    [note] = [note for note in track.notes if note.startswith("bass")]
    assert note.startswith(
        "bass came 25.1 ms (1105 frames) late and was moved: beside the master that gains "
    )
    assert float(note.split()[-2]) > 20
    kept = sound(track)
    np.testing.assert_array_equal(kept["drums"], np.rint(DRUMS * 2**23) / 2**23)
    np.testing.assert_array_equal(kept["bass"][:-1105], np.rint(BASS[:-1105] * 2**23) / 2**23)
    assert not kept["bass"][-1105:].any()


@settings(max_examples=4)
@given(frames=st.integers(-4000, 4000).filter(bool), turned=st.booleans())
def test_any_lag_and_polarity_is_undone(frames: int, turned: bool) -> None:
    """All but what fell off an end comes back, and the list of the null test says that it does."""
    with tempfile.TemporaryDirectory() as folder:
        moved = late(BASS, frames) * (-1 if turned else 1)
        track = imported(Path(folder), drums=DRUMS, other=OTHER, bass=moved, master=DRUMS + OTHER + BASS)
        report = track.null_test
        assert report is not None
        [bass] = [stem for stem in report.stems if stem.name == "bass"]
        assert (bass.moved_frames, bass.turned) == (-frames, turned)
        assert (bass.late_frames, bass.inverted) == (0, False)
        assert bass.gained_db > 10
        assert report.segments_db[0] < -18  # at either end the moved stem lacks up to 90 ms
        with Library(Path(folder) / "library") as library:
            assert library.get(track.id).null_test == report


def test_what_is_turned_over_is_turned_back(tmp_path: Path) -> None:
    track = imported(tmp_path, drums=DRUMS, bass=BASS, other=-OTHER, master=DRUMS + BASS + OTHER)
    assert any(note.startswith("other had the opposite polarity and was turned over") for note in track.notes)
    np.testing.assert_allclose(sound(track)["other"], OTHER, atol=2**-23)
    assert track.null_test is not None
    assert track.null_test.residual_db < -90


def test_a_track_tells_its_null_test_segment_by_segment(tmp_path: Path) -> None:
    """From 20 s on the master has something that no stem has."""
    pcm = {
        name: np.concatenate([wave] * 4)[: 25 * RATE_HZ] for name, wave in (("drums", DRUMS), ("bass", BASS))
    }
    master = pcm["drums"] + pcm["bass"]
    master[20 * RATE_HZ : 25 * RATE_HZ] += noise(5 * RATE_HZ, seed=9, level=0.005)
    track = imported(tmp_path, **pcm, master=master)
    report = track.null_test
    assert report is not None
    first, second, third = report.segments_db
    assert first < -90
    assert second < -90
    assert -25 < third < -15
    [told] = [note for note in track.notes if note.startswith("the stems sum")]
    assert told.endswith(f"; at worst, from 20 s on, {third:.0f} dB")
    assert [(stem.name, stem.late_frames, stem.inverted, stem.gain_db) for stem in report.stems] == [
        ("bass", 0, False, 0.0),
        ("drums", 0, False, 0.0),
    ]


def test_without_a_master_nothing_is_moved(tmp_path: Path) -> None:
    track = imported(tmp_path, drums=DRUMS, bass=late(-BASS, 1105))
    assert track.null_test is None
    np.testing.assert_allclose(sound(track)["bass"], late(-BASS, 1105), atol=2**-23)


@pytest.mark.parametrize("turned", [1, -1])
def test_if_all_stems_lie_alike_it_is_the_master_that_is_late(tmp_path: Path, turned: int) -> None:
    pcm = {"drums": late(DRUMS, 1105), "bass": late(BASS, 1105)}
    track = imported(tmp_path, **pcm, master=turned * (DRUMS + BASS))
    for name, wave in sound(track).items():
        np.testing.assert_allclose(wave, pcm[name], atol=2**-23)
    assert "the master is 25.1 ms early beside its stems, which stay where they are" in track.notes
    told = "the master has the opposite polarity of its stems, which stay as they are" in track.notes
    assert told == (turned < 0)


def test_a_stem_that_hardly_counts_is_told_and_left_alone(tmp_path: Path) -> None:
    """Nothing is proven by a stem that is drowned in what the mastering did."""
    soft = 0.02 * OTHER
    mastered = np.tanh(8 * (DRUMS + BASS + soft)) / 8
    track = imported(tmp_path, drums=DRUMS, bass=BASS, other=late(soft, 500), master=mastered)
    np.testing.assert_allclose(sound(track)["other"], late(soft, 500), atol=2**-23)


@pytest.mark.parametrize(
    ("name", "container", "codec", "options", "told"),
    [
        ("bass.aac", "adts", "aac", {}, False),
        ("bass.mp3", "mp3", "libmp3lame", {"write_xing": "0"}, False),
        ("bass.mp3", "mp3", "libmp3lame", {}, True),
        ("bass.m4a", "mp4", "aac", {}, True),
    ],
)
def test_an_encoders_delay_is_made_good_once(
    tmp_path: Path, name: str, container: str, codec: str, options: dict[str, str], told: bool
) -> None:
    """Where the file tells it, the decoder; where it does not, the import, by the master."""
    (tmp_path / "song").mkdir()
    tone = np.cumsum(noise(8 * RATE_HZ, seed=5, level=0.05), axis=0)
    tone = 0.05 * (tone[60:] - tone[:-60])  # deep, as codecs like it
    drums = DRUMS[: len(tone)]
    write_wav(tmp_path / "song" / "drums.wav", drums, RATE_HZ, bits=24)
    write_wav(tmp_path / "song" / "master.wav", drums + tone, RATE_HZ, bits=24)
    with av.open(str(tmp_path / "song" / name), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=RATE_HZ, layout="stereo", options={"b": "320000"})
        add_sound(out, stream, tone)
    track = brought(tmp_path)
    assert track.null_test is not None
    [bass] = [stem for stem in track.null_test.stems if stem.name == "bass"]
    assert (bass.late_frames, bass.inverted) == (0, False)
    assert (bass.moved_frames == 0) == told
    assert -3000 < bass.moved_frames <= 0
    np.testing.assert_allclose(sound(track)["bass"][20_000:300_000], tone[20_000:300_000], atol=0.03)


def test_a_stem_that_is_not_in_the_master_is_named(tmp_path: Path) -> None:
    assert "bass is silent, or is not in the master" in notes(tmp_path, drums=DRUMS, bass=BASS, master=DRUMS)


def test_a_silent_master_says_nothing_of_its_stems(tmp_path: Path) -> None:
    told = notes(tmp_path, drums=DRUMS, bass=BASS, master=np.zeros_like(DRUMS))
    assert "the master is silent: the stems cannot be compared with it" in told
    assert not any(note.startswith(("bass", "drums")) for note in told)


def test_a_master_with_effects_of_its_own_blames_no_stem(tmp_path: Path) -> None:
    told = notes(tmp_path, drums=DRUMS, bass=BASS, master=np.tanh(20 * (DRUMS + BASS)) / 4)
    assert len(told) == 2
    assert told[1].startswith("no beat was found")
