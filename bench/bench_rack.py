"""What do effects cost in a session, and how much of that is ours?

Five built-in effects of pedalboard stand on the master of a four-stem session that is played by blocks of 128
frames. What the session costs beyond one without them is held against the block's time, and against the same
effects called directly: by 64 frames, as the kernel calls them whatever the block, and by 128 in one call.
Beside that, what the kernel's own effects and the generated layer cost in such a session. All take turns in
one run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pedalboard
from pedalboard._pedalboard import Pedalboard

from remixd._kernel import fft, mailbox
from remixd._kernel.patterns import PatternShelf
from remixd._kernel.rack import Rack
from remixd._kernel.sampler import PITCHED, Pattern
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path
from remixd.control.order import LAYER
from remixd.director.groove import GROUPS, Measure, groove
from remixd.engine.patterns import bank
from remixd.engine.rack import build
from remixd.mix import PLAYABLE
from remixd.units import RATE_HZ

from .costs import Renders, measure_seconds
from .results import Limit
from .runner import Task

BLOCK: Final = 128
ROUNDS: Final = 40
ROUNDS_QUICK: Final = 8
CHAIN: Final = (
    {"effect": "highpass", "cutoff_frequency_hz": 40.0},
    {"effect": "peak", "cutoff_frequency_hz": 2500.0, "gain_db": 3.0},
    {"effect": "compressor", "threshold_db": -18.0, "ratio": 3.0},
    {"effect": "chorus", "rate_hz": 0.8, "mix": 0.3},
    {"effect": "reverb", "room_size": 0.6, "wet_level": 0.25},
)
SHARE_LIMIT: Final = (Limit(statistic="median", at_most=0.03),)
MORE_LIMIT: Final = (Limit(statistic="median", at_most=2.0),)
WHOLE: Final = "session"
RACKED: Final = "session with a rack"
TONED: Final[dict[str, dict[str, float]]] = {
    "brightness": {"brightness": 6.0},
    "space": {"space": 0.4},
    "drive": {"drive": 0.4},
    "all three": {"brightness": 6.0, "space": 0.4, "drive": 0.4},
}
GROOVE: Final = "the groove layer"
BAR: Final = Measure(
    track="bench", number=0, place=0, length=4, beats=tuple(beat * RATE_HZ / 2 for beat in range(5)),
    bpm=120.0, roots=(0, 0, 5, 7), bass_rests=True,
)  # fmt: skip
BY_64: Final = "64 frames a call"
BY_128: Final = "128 frames a call"


class Direct:
    """The same effects, called directly on noise, so many frames a call."""

    def __init__(self, frames: int) -> None:
        board = Pedalboard(
            [
                pedalboard.HighpassFilter(40.0),
                pedalboard.PeakFilter(2500.0, 3.0),
                pedalboard.Compressor(-18.0, 3.0),
                pedalboard.Chorus(rate_hz=0.8, mix=0.3),
                pedalboard.Reverb(room_size=0.6, wet_level=0.25),
            ]
        )
        self._process: Callable[..., object] = board.process
        self._frames = frames
        self._noise = (np.random.default_rng(1).standard_normal((2, frames)) * 0.1).astype(np.float32)

    def render(self, frames: int) -> None:
        """So many frames."""
        for _ in range(frames // self._frames):
            self._process(self._noise, RATE_HZ, self._frames, False)


def run(task: Task) -> None:
    """Measure, and tell the share of a block and what is more than the effects themselves."""
    rounds = ROUNDS_QUICK if task.quick else ROUNDS
    task.settings(block=BLOCK, rounds=rounds, chain=[element["effect"] for element in CHAIN])
    fft.prepare(user_cache_path() / "fftwf.wisdom")
    players: dict[str, Renders] = {
        WHOLE: _session(),
        RACKED: _with_rack(_session()),
        BY_64: Direct(64),
        BY_128: Direct(BLOCK),
        GROOVE: _with_layer(_session()),
        **{name: _session(**values) for name, values in TONED.items()},
    }
    task.tell(f"{len(CHAIN)} effects on the master, {rounds} rounds of a second of sound each")
    block_us = {
        name: cost_ms * 1e3 * BLOCK / RATE_HZ
        for name, cost_ms in measure_seconds(players, BLOCK, rounds).items()
    }
    rack_us = block_us[RACKED] - block_us[WHOLE]
    deadline_us = BLOCK / RATE_HZ * 1e6
    case = {"effects": len(CHAIN), "block": BLOCK}
    task.figure("a rack on the master", "share", rack_us / deadline_us, case, limits=SHARE_LIMIT,
                note="of the block's time")  # fmt: skip
    for name in (BY_64, BY_128):
        task.figure("the effects alone", "us", block_us[name], {"called": name}, note="a block")
        task.figure("a rack over the effects alone", "us", rack_us - block_us[name], {"called": name},
                    limits=MORE_LIMIT, note="a block")  # fmt: skip
    ratio = rack_us / block_us[BY_64]
    task.figure("a rack over the effects alone, as a ratio", "ratio", ratio, {"called": BY_64})
    for name in (*TONED, GROOVE):
        more_us = block_us[name] - block_us[WHOLE]
        task.figure("beside the plain session", "us", more_us, {"with": name}, note="a block")
        task.figure("beside the plain session", "share", more_us / deadline_us, {"with": name},
                    note="of the block's time")  # fmt: skip


def _session(**mix: float) -> Session:
    """Four stems of noise, a bar long, that start over at its end."""
    rng = np.random.default_rng(2)
    noise = (rng.standard_normal((2 * RATE_HZ, 2)) * 0.05).astype(np.float32)
    tonal, drums = Stem.of(noise), Stem.of(noise, tonal=False)
    values = [mix.get(name, 1.0 if name == "tempo" else 0.0) for name in PLAYABLE]
    beats = BAR.beats[: BAR.count]
    session = Session(
        [drums, tonal, tonal, tonal], [0, 1, 2, 3], mix=values, beats=beats, levels=[2, 1, 1, 1]
    )
    session.render(RATE_HZ // 4)
    return session


def _with_rack(session: Session) -> Session:
    session.racks.put(Rack(build(CHAIN).chain, 1))
    session.post(1, 0, 1.0, kind=mailbox.RACK, extra=1.0, ramp_frames=960)
    session.render(RATE_HZ // 4)
    return session


def _with_layer(session: Session) -> Session:
    """With all that is generated for a bar at the greatest density."""
    hits = [
        (stroke.frame, stroke.sound, stroke.velocity, stroke.pan, stroke.length_frames, GROUPS[stroke.sound],
         PITCHED if stroke.pitched else 0)
        for stroke in groove(BAR, 1.0, seed=1).strokes
    ]  # fmt: skip
    pattern = Pattern(bank(), hits, key=1, player=1, start=0.0, end=BAR.beats[-1])
    PatternShelf(session).shelve(pattern)
    session.post(1, 0, 0.0, kind=mailbox.PATTERN, deck=0, extra=1.0)
    session.post(2, LAYER, 0.0, kind=mailbox.LEVEL, deck=0, ramp_frames=0)
    return session
