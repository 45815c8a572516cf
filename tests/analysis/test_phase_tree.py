import threading
from pathlib import Path

import numpy as np
import pytest
from packages import a_stem, a_track
from sounds import Audio, clicks, music, noise, tone

from remixd._kernel.stem import Stem
from remixd.analysis import phase_tree
from remixd.analysis.onsets import Onsets
from remixd.analysis.phase_tree import _pieces, grow, write_cached
from remixd.track.cache import estimate_bytes, read_tree, verify
from remixd.track.phase_tree import HOP_FRAMES, PhaseTree
from remixd.units import STEM_ROLES, StemRole

BIN_HZ = 48_000 / 4096


def region_of(tree: PhaseTree, grid_frame: int, hz: float) -> int:
    """The region that holds a frequency."""
    first, end = tree.starts[grid_frame : grid_frame + 2]
    inside: int = np.searchsorted(tree.lows[first:end], round(hz / BIN_HZ), side="right") - 1
    return int(first) + inside


def same(one: PhaseTree, other: PhaseTree) -> bool:
    arrays = ("starts", "lows", "seeds", "offsets", "onsets", "resets", "envelope")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)


@pytest.mark.parametrize("hz", [110.0, 440.0, 3000.5])
def test_a_tone_has_its_own_frequency_all_along(hz: float) -> None:
    tree = grow(tone(48_000, hz), "other")
    for grid_frame in range(10, 80):
        region = region_of(tree, grid_frame, hz)
        found_hz = (tree.seeds[region] + tree.offsets[region] / 8192) * BIN_HZ
        assert found_hz == pytest.approx(hz, abs=0.01)


def test_two_notes_turn_apart() -> None:
    tree = grow(tone(48_000, 440.0) + tone(48_000, 660.0), "bass")
    for grid_frame in range(10, 80):
        assert region_of(tree, grid_frame, 440.0) != region_of(tree, grid_frame, 660.0)


@pytest.mark.parametrize("role", STEM_ROLES)
def test_onsets_are_where_sound_begins(role: StemRole) -> None:
    sound = np.zeros((96_000, 2), np.float32)
    starts = (9_600, 40_000, 70_000)
    for number, start in enumerate(starts):
        note = tone(20_000, 220.0 * (number + 2)) * np.exp(-np.arange(20_000) / 1500)[:, None]
        sound[start : start + 20_000] += note.astype(np.float32)
    tree = grow(sound, role)
    np.testing.assert_allclose(tree.onsets, starts, atol=480)


def test_what_begins_out_of_silence_begins_afresh_in_every_bin() -> None:
    sound = np.zeros((48_000, 2), np.float32)
    sound[20_000:] = music(28_000)
    tree = grow(sound, "other")
    [first] = np.flatnonzero(np.abs(tree.onsets - 20_000) < 480)
    assert np.unpackbits(tree.resets[first], bitorder="little")[:2049].all()


def test_a_held_note_goes_on_through_the_onset_of_another() -> None:
    sound = tone(96_000, 220.0)
    sound[48_000:] += tone(48_000, 3520.0)
    tree = grow(sound, "other")
    [second] = np.flatnonzero(np.abs(tree.onsets - 48_000) < 480)
    afresh = np.unpackbits(tree.resets[second], bitorder="little")
    assert afresh[round(3520 / BIN_HZ)]
    assert not afresh[round(220 / BIN_HZ)]


@pytest.mark.parametrize(("role", "points"), [("bass", 0), ("vocals", 128), ("other", 0)])
def test_vocals_alone_have_envelopes(role: StemRole, points: int) -> None:
    assert grow(music(5_000), role).envelope.shape == (5_000 // 512 + 2, points)


def test_drums_have_onsets_only() -> None:
    tree = grow(clicks(48_000, 12_000, first=6_000), "drums")
    np.testing.assert_allclose(tree.onsets, [6_000, 18_000, 30_000, 42_000], atol=48)
    assert tree.size.grid_frames == 0


@pytest.mark.parametrize("role", STEM_ROLES)
@pytest.mark.parametrize("frames", [1, 2, 511, 512, 513, 5000])
def test_the_kernel_takes_what_was_written_however_short(tmp_path: Path, role: StemRole, frames: int) -> None:
    path, pcm = tmp_path / f"{role}.pcm", music(frames)
    write_cached(path, pcm, role)
    assert verify(path).content == bytes(32)
    stem = Stem.open(path)
    np.testing.assert_array_equal(stem.read(0, frames), pcm)
    assert stem.is_tonal == (role != "drums")


@pytest.mark.parametrize("role", STEM_ROLES)
def test_the_kernel_takes_silence(tmp_path: Path, role: StemRole) -> None:
    path = tmp_path / f"{role}.pcm"
    write_cached(path, np.zeros((4800, 2), np.float32), role)
    assert Stem.open(path).frames == 4800
    assert read_tree(path).size.onsets == 0


def test_trees_that_grow_side_by_side_are_those_that_grow_alone(tmp_path: Path) -> None:
    sounds: dict[StemRole, Audio] = {role: music(96_000, seed=seed) for seed, role in enumerate(STEM_ROLES)}
    threads = [
        threading.Thread(target=write_cached, args=(tmp_path / f"{role}.pcm", pcm, role))
        for role, pcm in sounds.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for role, pcm in sounds.items():
        assert same(read_tree(tmp_path / f"{role}.pcm"), grow(pcm, role))


@pytest.mark.parametrize("role", STEM_ROLES)
@pytest.mark.parametrize("sound", [noise(96_000), music(96_000), clicks(96_000, 1_500)])
def test_even_noise_takes_no_more_than_was_estimated(tmp_path: Path, role: StemRole, sound: Audio) -> None:
    path = tmp_path / f"{role}.pcm"
    write_cached(path, sound, role)
    stems = [a_stem(role, role)]
    track = a_track(tmp_path, frames=96_000, stems=stems)
    assert path.stat().st_size <= estimate_bytes(track, stems) < 3 * path.stat().st_size


@pytest.mark.parametrize("role", STEM_ROLES)
@pytest.mark.parametrize("frames", [300_000, 299_520])
def test_a_long_stem_has_the_same_tree_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: StemRole, frames: int
) -> None:
    """To the bit, if the onsets are: they are marked here, some on seams and some beside them."""
    sound = np.concatenate([music(100_000, seed=seed) for seed in (1, 2, 3)])[:frames]
    sound[120_000:140_000] = 0
    seams = np.array([first * HOP_FRAMES for first, _ in _pieces(frames, 131)][1:])
    sound[[*seams, *(seams[1:] - 1000), *(seams + 5000), 0, frames - 1], 0] = MARK
    monkeypatch.setattr(phase_tree, "find_onsets", marked)
    whole = grow(sound, role)
    monkeypatch.setattr(phase_tree, "PIECE_GRIDS", 131)
    assert same(grow(sound, role, tmp_path), whole)
    assert whole.onsets.size > 8
    assert list(tmp_path.iterdir()) == []


MARK = np.float32(0.123456)


def marked(pcm: Audio, _role: StemRole) -> Onsets:
    frames = np.flatnonzero(pcm[:, 0] == MARK)
    return Onsets(frames=frames, strengths=np.ones(frames.size, np.float32))


@pytest.mark.parametrize("role", ["drums", "other"])
def test_no_onset_is_lost_or_found_twice_where_pieces_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: StemRole
) -> None:
    sound = clicks(480_000, 12_000, first=100)
    monkeypatch.setattr(phase_tree, "PIECE_GRIDS", 200)  # with seams near a click and far from them
    monkeypatch.setattr(phase_tree, "BESIDE_FRAMES", 24_000)
    found = grow(sound, role, tmp_path).onsets
    np.testing.assert_allclose(found, np.arange(100, 480_000, 12_000), atol=100)
