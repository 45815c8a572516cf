"""Racks: chains of effects as JSON tells them, built, primed and measured: the only place with pedalboard.

pedalboard's effects are objects with a state, of which none may be moved while it sounds: a chain is made
once, and another takes its place. It is given 64 frames a call, before it is used as in use, since its state
is wiped whenever a block is longer than any before. Thread: [housekeeping], but for what is built.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import pedalboard
from numpy.typing import NDArray
from pedalboard._pedalboard import Pedalboard

from remixd._kernel.effects import Delay, Tremolo
from remixd._kernel.rack import DELAY_MOST
from remixd.engine.hosted import BLOCKS_BETWEEN, Hosted
from remixd.units import RATE_HZ

QUANTUM: Final = 64
BUDGET_SHARE: Final = 0.25
"""Of a quantum's time that one rack may take."""
CHAIN_MAX: Final = 16

Planar = NDArray[np.float32]


class Stage(Protocol):
    """A part of a chain: of float32 (2, 64), as many frames; it may work in place.

    One that is late has `delay_frames` too.
    """

    def __call__(self, block: Planar, beat: float, beats_a_frame: float, /) -> Planar:
        """The next quantum, whose first frame is at `beat`."""


EFFECTS: Final[Mapping[str, Callable[..., pedalboard.Plugin]]] = MappingProxyType(
    {
        "highpass": pedalboard.HighpassFilter,
        "lowpass": pedalboard.LowpassFilter,
        "low_shelf": pedalboard.LowShelfFilter,
        "high_shelf": pedalboard.HighShelfFilter,
        "peak": pedalboard.PeakFilter,
        "compressor": pedalboard.Compressor,
        "distortion": pedalboard.Distortion,
        "chorus": pedalboard.Chorus,
        "phaser": pedalboard.Phaser,
        "reverb": pedalboard.Reverb,
        "bitcrush": pedalboard.Bitcrush,
        "ladder": pedalboard.LadderFilter,
        "pitch_shift": pedalboard.PitchShift,
        "clipping": pedalboard.Clipping,
        "gain": pedalboard.Gain,
        "noise_gate": pedalboard.NoiseGate,
    }
)
"""pedalboard's, by the names that chains have for them; their parameters are its own keywords."""

STAGES: Final[dict[str, Callable[..., Stage]]] = {"delay": Delay, "tremolo": Tremolo}
"""What else a chain may hold: each is made of the other entries of its element, as keywords."""

PLUGIN: Final = "vst3"
"""A third-party plug-in: see `hosted.Hosted`."""

_BOUNDS: Final = (
    ("rate_hz", 0.0, 100.0),
    ("_hz", 1.0, 23_000.0),
    ("_ms", 0.0, 10_000.0),
    ("_db", -100.0, 100.0),
    ("", -100.0, 100.0),
)
"""By how their names end: what parameters may be at all. Beyond, some effects never return."""

_SILENT: Final = 1e-5
_SETTLED_QUANTA: Final = 96
_PRIMED_QUANTA_MAX: Final = 3000
_TRIAL_QUANTA: Final = 256
_WINDOW: Final = 8


class _Board:
    """Effects of pedalboard, one after the other in one call."""

    def __init__(self, plugins: list[pedalboard.Plugin]) -> None:
        self._process = Pedalboard(plugins).process
        self.delay_frames = 0
        if any(isinstance(plugin, pedalboard.PitchShift) for plugin in plugins):
            self.delay_frames = _late_frames(Pedalboard(plugins).process)

    def __call__(self, block: Planar, _beat: float, _beats_a_frame: float) -> Planar:
        return self._process(block, RATE_HZ, QUANTUM, False)


class Chain:
    """Stages, one after the other."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = tuple(stages)
        self.delay_frames = sum(getattr(stage, "delay_frames", 0) for stage in stages)

    def __call__(self, block: Planar, beat: float, beats_a_frame: float) -> Planar:
        """The next quantum. Thread: [render], with the GIL."""
        for stage in self._stages:
            block = stage(block, beat, beats_a_frame)
        return block

    @property
    def hosted(self) -> Hosted | None:
        """Those of them that run in a process of their own."""
        return next((stage for stage in self._stages if isinstance(stage, Hosted)), None)

    def close(self) -> None:
        """Let go of what its stages hold."""
        if self.hosted:
            self.hosted.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A chain that is ready.

    Attributes:
        chain: what is called.
        delay_frames: from what goes in to what comes out.
        owed_frames: by how many frames it is ever behind with what it returns.
        cost_ns: of a quantum, one in ten costs more; 0 where it was measured before.
    """

    chain: Chain
    delay_frames: int
    owed_frames: int
    cost_ns: int


def build(elements: Sequence[Mapping[str, Any]], blocks_between: int = BLOCKS_BETWEEN) -> Built:
    """Make a chain of `{"effect": name, parameter: value, ...}`; plug-ins answer so many blocks later.

    Raises ValueError, in a sentence, for an effect or a parameter that there is not, a value that makes no
    sense, and a chain that gives no sound, is too late or takes too long.
    """
    trial = _assemble(elements, blocks_between)
    try:
        cost_ns, owed_frames = _try(trial)
    finally:
        trial.close()
    delay_frames = trial.delay_frames + owed_frames
    budget_ns = BUDGET_SHARE * QUANTUM / RATE_HZ * 1e9
    if cost_ns > budget_ns:
        raise ValueError(
            f"the rack takes {cost_ns / 1e3:.0f} us for 64 frames, which is more than the "
            f"{budget_ns / 1e3:.0f} us that one may"
        )
    if delay_frames > DELAY_MOST:
        raise ValueError(
            f"the rack would delay the sound by {delay_frames * 1000 / RATE_HZ:.0f} ms, which is more than "
            f"the {DELAY_MOST * 1000 // RATE_HZ} ms that racks may"
        )
    return rebuild(elements, delay_frames, owed_frames, cost_ns, blocks_between=blocks_between)


def rebuild(
    elements: Sequence[Mapping[str, Any]],
    delay_frames: int,
    owed_frames: int,
    cost_ns: int = 0,
    *,
    blocks_between: int = BLOCKS_BETWEEN,
    live: bool = False,
) -> Built:
    """Make a chain that was built and measured before, ready to the same state.

    With `live`, plug-ins are not waited for: they are heard as soon as they are loaded. Raises ValueError.
    """
    chain = _assemble(elements, blocks_between, delay_frames - owed_frames if live else None)
    try:
        _settle(chain)
    except BaseException:
        chain.close()
        raise
    return Built(chain=chain, delay_frames=delay_frames, owed_frames=owed_frames, cost_ns=cost_ns)


def _assemble(
    elements: Sequence[Mapping[str, Any]], blocks_between: int, delay_frames: int | None = None
) -> Chain:
    """Make the stages; with the delay that they have together, plug-ins are not waited for."""
    if not 1 <= len(elements) <= CHAIN_MAX:
        raise ValueError(f"a rack has 1 to {CHAIN_MAX} effects, not {len(elements)}")
    stages: list[Stage] = []
    plugins: list[dict[str, Any]] = []
    hosted_at = 0
    for kind, group in groupby(map(dict, elements), key=_kind):
        named = [(str(words.pop("effect", None)), words) for words in group]
        match kind:
            case "board":
                stages.append(_Board([_plugin(name, words) for name, words in named]))
            case "stage":
                stages += [_made(name, STAGES[name], words) for name, words in named]
            case _ if plugins:
                raise ValueError(
                    "the plug-ins of a rack share a process: no other effect stands between them"
                )
            case _:
                plugins, hosted_at = [words for _, words in named], len(stages)
    if plugins:  # last, since it is the one that must be closed
        others = sum(getattr(stage, "delay_frames", 0) for stage in stages)
        own_frames = None if delay_frames is None else delay_frames - others
        stages.insert(hosted_at, Hosted(plugins, own_frames, blocks_between=blocks_between))
    return Chain(stages)


def _kind(element: Mapping[str, Any]) -> str:
    name = str(element.get("effect"))
    if name in EFFECTS:
        return "board"
    if name in STAGES:
        return "stage"
    if name == PLUGIN:
        return name
    raise ValueError(f"there is no effect {name!r}: {', '.join([*EFFECTS, *STAGES, PLUGIN])}")


def _made(name: str, make: Callable[..., Any], words: Mapping[str, Any]) -> Any:
    try:
        return make(**words)
    except (ValueError, TypeError, RuntimeError) as error:
        told = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{name} cannot be made of {dict(words)}: {told}") from None


def _plugin(name: str, words: dict[str, Any]) -> pedalboard.Plugin:
    make = EFFECTS[name]
    for parameter, value in words.items():
        if parameter.startswith("is_") or not isinstance(getattr(make, parameter, None), property):
            raise ValueError(f"{name} has no parameter {parameter!r}")
        if parameter == "mode":
            words["mode"] = _ladder_mode(value)
        else:
            _check_bounds(name, parameter, value)
    return _made(name, make, words)  # type: ignore[no-any-return]


def _ladder_mode(value: Any) -> Any:
    modes = pedalboard.LadderFilter.Mode.__members__
    if not isinstance(value, str) or value not in modes:
        raise ValueError(f"a ladder's mode is one of {', '.join(modes)}, not {value!r}")
    return modes[value]


def _check_bounds(name: str, parameter: str, value: Any) -> None:
    low, high = next((low, high) for end, low, high in _BOUNDS if parameter.endswith(end))
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{parameter} of {name} goes from {low:g} to {high:g} at most, not {value!r}")


def _late_frames(process: Callable[..., Planar]) -> int:
    """By how many frames what comes out is late: where an impulse is greatest, and what was never given."""
    quanta = _PRIMED_QUANTA_MAX
    block, heard = np.zeros((2, QUANTUM), np.float32), []
    for number in range(quanta):
        block[:, 0] = number == 0
        heard.append(process(block, RATE_HZ, QUANTUM, False))
    sound = np.concatenate(heard, axis=1)
    return int(np.abs(sound).sum(axis=0).argmax()) + quanta * QUANTUM - int(sound.shape[1])


def _try(chain: Chain) -> tuple[int, int]:
    """What a quantum of noise costs, in ns, and how many frames are owed at most. Raises ValueError."""
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, (_TRIAL_QUANTA, 2, QUANTUM)).astype(np.float32)
    spent_ns: list[int] = []
    _settle(chain)
    owed = 0
    for first in range(0, _TRIAL_QUANTA, _WINDOW):
        began_ns = time.thread_time_ns()
        for block in noise[first : first + _WINDOW]:
            owed += QUANTUM - _checked(_called(chain, block)).shape[1]
        spent_ns.append(time.thread_time_ns() - began_ns)
    return round(float(np.quantile(spent_ns, 0.9)) / _WINDOW), owed


def _called(chain: Chain, block: Planar) -> Any:
    try:
        return chain(block, 0.0, 0.0)
    except Exception as error:
        raise ValueError(f"the rack fails: {str(error) or type(error).__name__}") from None


def _checked(out: Any) -> Planar:
    if not isinstance(out, np.ndarray) or out.dtype != np.float32 or out.ndim != 2 or out.shape[0] != 2:
        raise ValueError("the rack gives something else than two channels of sound")
    if out.shape[1] > QUANTUM or not np.isfinite(out).all():
        raise ValueError("the rack gives what is no sound: its values make it unstable")
    return out


def _settle(chain: Chain) -> None:
    """Give it silence until it is silent itself, or will never be."""
    silence = np.zeros((2, QUANTUM), np.float32)
    quiet = 0
    for _ in range(_PRIMED_QUANTA_MAX):
        silence[:] = 0.0
        out = _checked(_called(chain, silence))
        quiet = quiet + 1 if out.shape[1] == QUANTUM and np.abs(out).max() < _SILENT else 0
        if quiet == _SETTLED_QUANTA:
            return
