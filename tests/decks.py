"""Sessions to attack: every role at once, moved in every way. Times in frames at 48 kHz."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from sounds import Audio, clicks, music, roughness

from remixd._kernel.player import Player
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
BEAT = 24_000
FADE = 256
"""Frames of a crossfade where a deck jumps."""
NEAR = SECOND // 200
"""5 ms."""
TOO_ROUGH = 1.5


class Move(NamedTuple):
    """One command, for its sample."""

    sample: int
    dimension: int
    value: float
    ramp_frames: int = 480


class Order(NamedTuple):
    """One command; its value in whatever it takes."""

    sample: int
    kind: int
    value: float = 0.0
    extra: float = -1.0
    deck: int = 0


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


def grid(frames: int, beat: float = BEAT, first: float = 0.0) -> dict[str, Any]:
    """Beats of a song in 4/4, phrases of four bars, sections of eight."""
    beats = np.arange(first, frames, beat)
    levels = [1 + (i % 4 == 0) + (i % 16 == 0) + (i % 32 == 0) for i in range(len(beats))]
    return {"beats": beats, "levels": levels}


def player(pcm: Audio, key: int, **kwargs: Any) -> Player:
    return Player([Stem.of(pcm)], [OTHER], key=key, **{"loop": False, **grid(len(pcm)), **kwargs})


def tell(session: Session, *orders: Order) -> None:
    for number, order in enumerate(orders):
        sample, kind, value, extra, deck = order
        assert session.post(number, 0, value, kind=kind, sample=sample, extra=extra, deck=deck)


def assert_no_click(heard: Audio, at: int, joined: Sequence[Audio]) -> None:
    """Around one sample nothing is rougher than what is joined there."""
    part = heard[max(at - FADE - NEAR, 0) : at + FADE + NEAR]
    bound = max((float(roughness(sound).max()) for sound in joined if len(sound) > 2), default=0.0)
    assert roughness(part).max() <= TOO_ROUGH * bound, f"at {at}"


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
