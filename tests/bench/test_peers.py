"""Every peer that is installed gives the right length and pitch; one that is not says how to get it."""

from __future__ import annotations

import ctypes.util
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import RATE_HZ, noise

from remixd.bench import peers
from remixd.bench.costs import PeerPlayer
from remixd.bench.floors import Idle
from remixd.bench.peers import PEERS, Setting, Unavailable, rubberband, signalsmith, soundtouch

START_S = 0.3


@pytest.fixture(params=PEERS, ids=lambda peer: peer.name)
def peer(request):
    try:
        request.param.load()
    except Unavailable as error:
        pytest.skip(str(error))
    return request.param


def late_tones(seconds=1.8):
    """Silence, then a note with a little noise, as an instrument has."""
    frames = round(seconds * RATE_HZ)
    time_s = np.arange(frames) / RATE_HZ
    mono = sum(np.sin(2 * np.pi * 330 * partial * time_s) / partial for partial in range(1, 8)) * 0.1
    sound = (np.stack([mono, 0.5 * mono], axis=1) + noise(frames, level=1e-3)).astype(np.float32)
    sound[: round(START_S * RATE_HZ)] = 0
    return sound


def pitch_hz(mono):
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 19))
    hz = np.fft.rfftfreq(1 << 19, 1 / RATE_HZ)
    return hz[np.where((hz > 150) & (hz < 600), spectrum, 0).argmax()]


@pytest.mark.parametrize(("tempo", "semitones"), [(1.25, 0.0), (0.8, 0.0), (1.1, 3.0)])
def test_a_peer_gives_the_length_the_pitch_the_start_and_the_image_that_were_asked_for(
    peer, tempo, semitones
):
    sound = late_tones()
    out = peer.stretch(sound, Setting(tempo=tempo, semitones=semitones))
    assert out.dtype == np.float32
    assert out.shape[1] == 2
    assert len(out) == pytest.approx(len(sound) / tempo, abs=64)
    held = out[len(out) // 3 : 5 * len(out) // 6]
    cents = 1200 * np.log2(pitch_hz(held[:, 0]) / (330 * 2 ** (semitones / 12)))
    assert abs(cents) < 25
    start_s = np.argmax(np.abs(out[:, 0]) > 0.1) / RATE_HZ
    assert start_s == pytest.approx(START_S / tempo, abs=0.03)
    assert sys.float_info.min / 2 > 0  # it left denormals as they were
    level = np.sqrt(np.mean(held.astype(np.float64) ** 2, axis=0))
    assert level[1] / level[0] == pytest.approx(0.5, rel=0.1)


def test_a_player_of_a_peer_renders_whatever_is_asked_of_it(peer):
    player = PeerPlayer(peer, [(late_tones(3.0), Setting(tempo=1.1))] * 2)
    for frames in (1, 256, 4800):
        player.render(frames)


@given(frames=st.integers(1, 2000), block=st.integers(1, 300))
def test_blocks_hold_the_sound_and_then_silence(frames, block):
    sound = noise(frames)
    blocks = Idle().cut(sound, block)
    whole = np.concatenate(blocks, axis=1).T
    np.testing.assert_array_equal(whole[:frames], sound)
    assert not whole[frames:].any()
    assert {piece.shape for piece in blocks} == {(2, block)}


def test_a_peer_that_is_not_installed_names_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    monkeypatch.setitem(sys.modules, "bungee_python", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    for module in (rubberband, soundtouch):
        module._library.cache_clear()
    try:
        found, missing = peers.available_peers()
    finally:
        for module in (rubberband, soundtouch):
            module._library.cache_clear()
    assert found == []
    assert set(missing) == {peer.name for peer in PEERS}
    assert rubberband.INSTALL in missing["Rubber Band R3"]
    assert signalsmith.INSTALL in missing["Signalsmith Stretch"]
    assert soundtouch.INSTALL in missing["SoundTouch"]
    assert all("install" in reason for reason in missing.values())
