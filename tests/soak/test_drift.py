"""Nothing drifts: clicks of three stems stay on the map, and with each other, while the tempo wanders."""

from __future__ import annotations

import numpy as np
import pytest
from decks import BASS, DRUMS, OTHER, SECOND, TEMPO
from numpy.typing import NDArray
from sounds import Audio, clicks

from remixd._kernel import fft
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path

SONG = 60 * SECOND
EVERY = 24_000
OFFSETS = {DRUMS: 9_000, BASS: 15_000, OTHER: 21_000}
"""Where in each half second a stem clicks, so that in the mix each can be told from the others."""
STRETCH = 10 * SECOND
"""Frames looked at in one go."""
SURPRISED = 2048
"""Frames after a bend of the tempo whose windows were laid down before it."""


@pytest.fixture(autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


def song(role: int) -> Stem:
    """A minute of clicks."""
    pcm = clicks(SONG, EVERY, first=OFFSETS[role]) * np.float32(0.25)
    return Stem.of(pcm, range(OFFSETS[role], SONG - 64, EVERY), role != DRUMS)


def bends(frames: int) -> list[tuple[int, float]]:
    """A random walk of the tempo within .8 and 1.25, in the logarithm, a step every .2 to 4 seconds."""
    rng = np.random.default_rng(11)
    found, at, tempo = [], 0, 0.0
    while at < frames:
        tempo = float(np.clip(tempo + rng.normal() * 0.06, np.log(0.8), np.log(1.25)))
        found.append((at, float(np.exp(tempo))))
        at += int(rng.uniform(0.2, 4.0) * SECOND)
    return found


def errors(
    heard: Audio, clock: NDArray[np.int64], place: NDArray[np.float64], bent: NDArray[np.int64], burst: Audio
) -> dict[int, list[tuple[float, bool]]]:
    """Of every click in a stretch, by stem: how many frames late, and whether a bend surprised it."""
    found: dict[int, list[tuple[float, bool]]] = {role: [] for role in OFFSETS}
    for role, offset in OFFSETS.items():
        first = int(np.ceil((place[0] + 2400 - offset) / EVERY)) * EVERY + offset
        for onset in range(first, int(place[-1]) - 2400, EVERY):
            if onset % SONG > SONG - 64:
                continue
            due = float(np.interp(onset, place, clock))
            begin = round(due) - int(clock[0]) - 600
            part = heard[begin : begin + 1264, 0].astype(np.float64)
            at = begin + int(np.correlate(part, burst[:, 0], "valid").argmax()) + int(clock[0])
            surprised = bool(((bent <= due) & (due < bent + SURPRISED)).any())
            found[role].append((at - due, surprised))
    return found


def wander(seconds: int) -> dict[int, list[tuple[float, bool]]]:
    """Play three stems for so long, and tell the error of every click."""
    session = Session([song(role) for role in OFFSETS], list(OFFSETS), loop=True)
    burst = clicks(128, 200, length=64)[:64]
    waiting = bends(seconds * SECOND)
    total: dict[int, list[tuple[float, bool]]] = {role: [] for role in OFFSETS}
    lap, newest, bent = 0, 0.0, [-SECOND]
    while session.clock < seconds * SECOND:
        parts, clock, place = [], [], []
        for _ in range(STRETCH // 64):
            while waiting and waiting[0][0] < session.clock + SECOND:
                sample, tempo = waiting.pop(0)
                session.post(1, TEMPO, tempo, sample=sample)
            clock.append(session.clock)
            lap += session.position < newest
            newest = session.position
            place.append(newest + lap * SONG)
            parts.append(session.render(64))
        bent = [*bent[-9:], *(report.sample for report in session.take_reports())]
        found = errors(np.concatenate(parts), np.array(clock), np.array(place), np.array(bent), burst)
        for role, late in found.items():
            total[role].extend(late)
    return total


def check(seconds: int) -> None:
    """Every click within a frame of the map, or about a millisecond of it where a bend surprised it.

    How far a surprised one is off goes with the step of the tempo: rarely, 64 frames instead of 48.
    """
    found = wander(seconds)
    for role, late in found.items():
        assert len(late) > seconds * 1.4
        calm = np.array([error for error, surprised in late if not surprised])
        assert np.abs(calm).max() <= 1.0, f"stem {role}"
        assert abs(calm[-len(calm) // 4 :].mean()) < 0.6, f"stem {role} drifts"
        surprised = np.abs([error for error, surprised in late if surprised])
        assert surprised.max(initial=0.0) <= 64.0, f"stem {role}"
        assert (surprised > 48.0).mean() < 0.02, f"stem {role}"


def test_for_half_a_minute_every_click_is_on_the_map() -> None:
    check(30)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_for_an_hour_every_click_is_on_the_map() -> None:
    check(3600)
