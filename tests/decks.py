"""Sessions to attack: every role at once, moved in every way. Times in frames at 48 kHz."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from sounds import Audio, clicks, music

from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

DRUMS, BASS, VOCALS, OTHER = range(4)
TEMPO, PITCH, VOCALS_GAIN, DRUMS_GAIN, BASS_GAIN, OTHER_GAIN, BRIGHTNESS, SPACE, DRIVE = range(9)
RANGES = {
    TEMPO: (0.5, 2.0),
    PITCH: (-12.0, 12.0),
    VOCALS_GAIN: (-60.0, 6.0),
    DRUMS_GAIN: (-60.0, 6.0),
    BASS_GAIN: (-60.0, 6.0),
    OTHER_GAIN: (-60.0, 6.0),
    BRIGHTNESS: (-12.0, 12.0),
    SPACE: (0.0, 1.0),
    DRIVE: (0.0, 1.0),
}
SECOND = 48_000


class Move(NamedTuple):
    """One command, for its sample."""

    sample: int
    dimension: int
    value: float
    ramp_frames: int = 480


def one(pcm: Audio, role: int = OTHER, struck: Sequence[int] = (), **kwargs: Any) -> Session:
    """A session of one stem that does not loop."""
    kwargs.setdefault("loop", False)
    return Session([Stem.of(pcm, struck)], [role], **kwargs)


def at(tempo: float = 1.0, pitch: float = 0.0) -> tuple[float, ...]:
    """The mix at a tempo ratio and a pitch in semitones, all stems at 0 dB."""
    return (tempo, pitch, *(0.0,) * 7)


def band(frames: int, *, seed: int = 1, every: int = 6000) -> list[Stem]:
    """Drums, bass, vocals and other of one length, with onsets where the drums are struck."""
    struck = list(range(0, max(frames - 64, 1), every))
    drums = clicks(frames, every) * np.float32(0.1) if frames > 64 else music(frames, seed=seed)
    tonal = [music(frames, seed=seed + number, level=0.05) for number in range(3)]
    return [Stem.of(drums, struck, False), *(Stem.of(pcm, struck) for pcm in tonal)]


def steered(session: Session, moves: Sequence[Move], cuts: Sequence[int], total: int) -> Audio:
    """What a session plays when it is moved, its blocks cut at will; float32 (total, 2)."""
    for number, move in enumerate(moves):
        assert session.post(number, *move[1:3], sample=move.sample, ramp_frames=move.ramp_frames)
    blocks, done = [], 0
    for cut in [*cuts, total]:
        blocks.append(session.render(min(cut, total - done)))
        done += len(blocks[-1])
    return np.concatenate(blocks)


def moves(last: int, *, most: int = 12) -> st.SearchStrategy[list[Move]]:
    """Commands for any dimension within its range, up to a sample."""

    def aimed(dimension: int) -> st.SearchStrategy[Move]:
        return st.builds(
            Move,
            st.integers(0, last),
            st.just(dimension),
            st.floats(*RANGES[dimension]),
            st.sampled_from([0, 1, 480, 5000]),
        )

    return st.lists(st.sampled_from(sorted(RANGES)).flatmap(aimed), max_size=most)
