"""How close does a stretched stem come to the same music played at that tempo, or in that key?

The demo song is performed at its own tempo and, as the truth, at others and in other keys. remixd and its
peers stretch the first; what comes of it is compared with the truth, stem by stem, as the sum of the
stretched stems, and, for tempo alone, as a mix that was stretched as one sound. Read every figure between two
others: "another take" is the truth with notes up to 1.3 ms early or late, as good as a second perfect
performance; "unstretched" is the source as it is. Drums, sums and mixes are aligned by their onsets first;
other stems must start in time.

Nobody transposes the drums. Where vocals are transposed, the true ones keep their formants; a peer that can
keep them is asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np

from remixd.units import STEM_ROLES, StemRole

from . import ours
from .corpus import BARS, Performance, full_mix
from .metrics import fit
from .peers import Peer, Setting, available_peers
from .results import Figure
from .runner import Task
from .scoring import METRICS, TONE_METRICS, Metric, score
from .songs import Audio
from .tones import TONES, tone_errors

TEMPI: Final = (0.8, 20 / 21, 20 / 19, 1.25)
PITCHES: Final = (-7.0, -3.0, 3.0, 7.0)
TONE_TEMPI: Final = (0.8, 20 / 21, 1.25)
QUICK: Final = 1.25, 3.0
BARS_QUICK: Final = 2

FLOOR: Final = "another take"
UNSTRETCHED: Final = "unstretched"
SUM: Final = "sum of stems"
MIX: Final = "full mix"
ALIGNED: Final = ("drums", SUM, MIX)

Change = Literal["tempo", "pitch"]
Sounds = dict[str, Audio]
"""By stem, `SUM` and `MIX`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What is to be done to the song: one of its tempo and its pitch changes."""

    change: Change
    tempo: float = 1.0
    semitones: float = 0.0
    bars: int = BARS

    def played(self, *, again: bool = False) -> Performance:
        """The truth."""
        return Performance(tempo=self.tempo, semitones=self.semitones, again=again, bars=self.bars)

    @property
    def source(self) -> Sounds:
        """What is stretched."""
        return _with_mixes(Performance(bars=self.bars).stems())

    @property
    def judged(self) -> tuple[str, ...]:
        """The sounds that are compared."""
        return (*STEM_ROLES, SUM, MIX) if self.change == "tempo" else ("bass", "vocals", "other", SUM)


System = Callable[[Condition], Sounds]


def run(task: Task) -> None:
    """Judge every system in every condition, and with steady tones."""
    ours.prepare()
    peers, missing = available_peers()
    for name, reason in missing.items():
        task.skip(name, reason)
    tempi, pitches = (QUICK[:1], QUICK[1:]) if task.quick else (TEMPI, PITCHES)
    bars = BARS_QUICK if task.quick else BARS
    task.settings(tempi=tempi, pitches=pitches, bars=bars, peers={peer.name: peer.how for peer in peers})
    systems: dict[str, System] = {FLOOR: _take_again, ours.NAME: _stretch_ours}
    systems |= {peer.name: partial(_stretch_with, peer) for peer in peers}
    systems[UNSTRETCHED] = lambda condition: condition.source
    changes = [
        [Condition(change="tempo", tempo=tempo, bars=bars) for tempo in tempi],
        [Condition(change="pitch", semitones=pitch, bars=bars) for pitch in pitches],
    ]
    for conditions in changes:
        _judge(task, systems, conditions)
    _judge_tones(task, peers)


def _judge(task: Task, systems: Mapping[str, System], conditions: Iterable[Condition]) -> None:
    """Tell a figure for every system, sound and metric, with a sample for each of some conditions."""
    samples: dict[tuple[str, str, str], list[float]] = {}
    for condition in conditions:
        truth = _with_mixes(condition.played().stems())
        onsets = _onsets(condition.played())
        for name, system in systems.items():
            task.tell(f"tempo {condition.tempo:.3g}, pitch {condition.semitones:+g}: {name}")
            sounds = system(condition)
            for stem in condition.judged:
                found = score(sounds[stem], truth[stem], onsets[stem], align=stem in ALIGNED)
                for key in METRICS.keys() & found.keys():
                    samples.setdefault((name, stem, key), []).append(found[key])
        change = condition.change
    task.figures(
        _figure(METRICS[key], samples[name, stem, key], system=name, stem=stem, change=change)
        for name in systems
        for stem in condition.judged
        for key in METRICS
        if (name, stem, key) in samples
    )


def _judge_tones(task: Task, peers: Iterable[Peer]) -> None:
    tempi, tones = (QUICK[:1], list(TONES)[:1]) if task.quick else (TONE_TEMPI, list(TONES))
    stretchers: dict[str, Callable[[float, Audio], Audio]] = {ours.NAME: _stretch_tone}
    stretchers |= {peer.name: partial(_stretch_tone_with, peer) for peer in peers}
    stretchers[UNSTRETCHED] = lambda _tempo, tone: tone
    for tone in tones:
        for name, stretch in stretchers.items():
            task.tell(f"{tone}: {name}")
            found = [tone_errors(partial(stretch, tempo), TONES[tone]) for tempo in tempi]
            task.figures(
                _figure(metric, [each[key] for each in found], system=name, stem=tone, change="tempo")
                for key, metric in TONE_METRICS.items()
                if key in found[0]
            )


def _figure(metric: Metric, samples: Iterable[float], **case: str) -> Figure:
    return Figure(name=metric.label, unit=metric.unit or "ratio", samples=tuple(samples), case=case)


def _take_again(condition: Condition) -> Sounds:
    return _with_mixes(condition.played(again=True).stems())


def _stretch_ours(condition: Condition) -> Sounds:
    source = Performance(bars=condition.bars).stems()
    sounds = _with_mixes(ours.stretch(source, condition.tempo, condition.semitones))
    if MIX in condition.judged:
        whole = ours.stretch({"other": full_mix(source)}, condition.tempo, condition.semitones)
        sounds[MIX] = whole["other"]
    return sounds


def _stretch_with(peer: Peer, condition: Condition) -> Sounds:
    source = Performance(bars=condition.bars).stems()
    stretched: dict[StemRole, Audio] = {}
    for role, sound in source.items():
        setting = Setting(
            tempo=condition.tempo,
            semitones=0.0 if role == "drums" else condition.semitones,
            formants=role == "vocals" and condition.semitones != 0.0 and peer.keeps_formants,
        )
        idle = setting.tempo == 1.0 and setting.semitones == 0.0
        stretched[role] = sound if idle else peer.stretch(sound, setting)
    sounds = _with_mixes(stretched)
    if MIX in condition.judged:
        sounds[MIX] = peer.stretch(full_mix(source), Setting(tempo=condition.tempo))
    return sounds


def _stretch_tone(tempo: float, tone: Audio) -> Audio:
    return ours.stretch({"other": tone}, tempo, 0.0)["other"]


def _stretch_tone_with(peer: Peer, tempo: float, tone: Audio) -> Audio:
    return peer.stretch(tone, Setting(tempo=tempo))


def _with_mixes(stems: Mapping[StemRole, Audio]) -> Sounds:
    """The stems and, for what has no mix of its own, their sum twice."""
    frames = min(map(len, stems.values()))
    total = full_mix({role: fit(sound, frames) for role, sound in stems.items()})
    by_role: Sounds = dict(stems.items())
    return by_role | {SUM: total, MIX: total}


def _onsets(performance: Performance) -> dict[str, list[int]]:
    by_stem = performance.onsets()
    together = sorted(set(np.concatenate([by_stem["drums"], by_stem["bass"]]).astype(int).tolist()))
    return dict(by_stem.items()) | {SUM: together, MIX: together}
