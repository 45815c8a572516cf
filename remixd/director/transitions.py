"""From one track to another: which bridge, from where to where, and what happens on the way. Pure.

What is known of both tracks goes through a table of rules, specific before general; the rule that is found
becomes a bridge: steps, each so many bars after the bridge begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from remixd.director.sections import parts
from remixd.errors import InvalidInput, nearest
from remixd.mix import Boundary
from remixd.track.analysis import Analysis
from remixd.track.camelot import compatible
from remixd.track.rights import Rights
from remixd.units import OFF_DB

How = Literal["crossfade", "bass-swap", "stem-swap", "echo-out", "cut"]
HOWS: Final[tuple[How, ...]] = get_args(How)

BARS_MAX: Final = 64
"""How long a bridge may be asked to be."""

Keys = Literal["mix", "clash", "unknown"]

MEETS: Final = 0.12
"""How much a track may be bent where it need not be heard in beat with another."""

SHARES: Final = (1.0, 2.0, 0.5)
"""Beats that a follower may play to one of its leader's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table: where it holds, and what is done there.

    Attributes:
        leaving: the label of the section that is left; empty for any.
        entering: the label of the section of the other track that is gone to, which must have one; empty
            for its first downbeat.
        keys: how the keys go together; empty if it does not matter.
        tempo: how much, at most, the other track is bent to be in beat, as a share of its tempo.
        beats: whether both tracks must have beats.
        at: where the first track is left.
        bars: how long the bridge is, in bars of the track that is left.
    """

    leaving: str = ""
    entering: str = ""
    keys: Keys | Literal[""] = ""
    tempo: float = math.inf
    beats: bool = False
    how: How
    bars: float
    at: Boundary = "phrase"


RULES: Final[tuple[Rule, ...]] = (
    # What builds up is let go into what it builds up to.
    Rule(leaving="build", entering="drop", tempo=MEETS, beats=True, how="cut", bars=0, at="section"),
    Rule(leaving="breakdown", entering="drop", tempo=MEETS, beats=True, how="cut", bars=0, at="section"),
    Rule(leaving="bridge", entering="chorus", keys="mix", tempo=MEETS, beats=True, how="cut", bars=0,
         at="section"),
    # Ends and beginnings are made to lie over each other: longer where the keys allow it.
    Rule(leaving="outro", entering="intro", keys="mix", tempo=0.06, beats=True, how="crossfade", bars=16),
    Rule(leaving="outro", entering="intro", keys="clash", tempo=0.06, beats=True, how="bass-swap", bars=8),
    Rule(leaving="outro", tempo=MEETS, beats=True, how="crossfade", bars=8),
    # Two full choruses have one bass.
    Rule(leaving="chorus", entering="intro", keys="mix", tempo=0.06, beats=True, how="bass-swap", bars=8),
    # Keys that clash meet for a short while, and without two basses.
    Rule(keys="clash", tempo=MEETS, beats=True, how="bass-swap", bars=4),
    Rule(tempo=0.06, beats=True, how="bass-swap", bars=8),
    Rule(tempo=MEETS, beats=True, how="crossfade", bars=4),
    # Tempos that do not meet are never heard together.
    Rule(beats=True, how="echo-out", bars=2),
    # Without beats there is nothing to fall on.
    Rule(how="crossfade", bars=4),
)  # fmt: skip
"""The rules; the first that holds is taken."""

_DEFAULTS: Final[dict[How, Rule]] = {
    "crossfade": Rule(how="crossfade", bars=8),
    "bass-swap": Rule(how="bass-swap", bars=8),
    "stem-swap": Rule(how="stem-swap", bars=8),
    "echo-out": Rule(how="echo-out", bars=2),
    "cut": Rule(how="cut", bars=0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """What is known of two tracks where one is to go over into the other.

    Attributes:
        leaving: the label of the section that is left.
        labels: those of the other track's sections.
        ratio: the tempo at which the other track is in beat; None if one of them has no beats.
    """

    leaving: str
    labels: tuple[str, ...]
    keys: Keys
    ratio: float | None

    @property
    def tempo(self) -> float:
        """How much the other track is bent."""
        return abs(self.ratio - 1.0) if self.ratio else math.inf

    def holds(self, rule: Rule) -> bool:
        """Whether a rule is for these."""
        return (
            rule.leaving in ("", self.leaving)
            and (not rule.entering or rule.entering in self.labels)
            and rule.keys in ("", self.keys)
            and (not rule.beats or self.ratio is not None)
            and self.tempo <= rule.tempo
        )


def choose(meeting: Meeting, how: How | Literal[""] = "") -> Rule:
    """The rule for a meeting; of those with a bridge, if one is asked for."""
    rules = (rule for rule in RULES if how in ("", rule.how) and meeting.holds(rule))
    return next(rules, _DEFAULTS[how or "crossfade"])


def check_how(text: str) -> How | Literal[""]:
    """The bridge of a name; empty for the table's choice. Raises InvalidInput."""
    for how in HOWS:
        if text == how:
            return how
    if not text:
        return ""
    raise InvalidInput(f"there is no way to mix called {text[:40]!r}: {nearest(text, HOWS)}", field="how")


def key_relation(one: str | None, other: str | None) -> Keys:
    """Whether two keys mix (the wheel's neighbours), clash, or are not known."""
    if one is None or other is None:
        return "unknown"
    try:
        return "mix" if other in compatible(one) else "clash"
    except InvalidInput:
        return "unknown"


def ratio_between(lead_beat_s: float, beat_s: float) -> float:
    """The tempo at which a track whose beats last `beat_s` is in beat with one whose last `lead_beat_s`.

    It may play one, two or half a beat to each: whatever bends it least.
    """
    return min((share * beat_s / lead_beat_s for share in SHARES), key=lambda ratio: abs(math.log(ratio)))


def mash_up_problem(leaving: Rights, entering: Rights, titles: tuple[str, str]) -> str:
    """Why the vocals of one track may not sound over the band of another; empty if they may."""
    for rights, title in zip((leaving, entering), titles, strict=True):
        if not rights.mash_ups:
            return f"the rights of {title} allow no mash-ups"
        if rights.never_mute:
            return f"the rights of {title} never mute {', '.join(rights.never_mute)}"
    return ""


# Bridges

Side = Literal["from", "to", "session"]
What = Literal["play", "pause", "lead", "fader", "low", "send", "level", "delay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing on the way.

    Attributes:
        bar: bars of the track that is left, from the beginning of the bridge; negative: before it, while
            the other deck rests.
        what: `level` is of `role`.
        value: dB; of `send` 0 to 1, of `delay` beats.
        bars: how long it takes to get there.
        own: whether `value` counts from where the deck's own knob stands rather than from 0.
        equal_power: whether it moves along a quarter of a sine.
    """

    bar: float
    side: Side
    what: What
    value: float = 0.0
    bars: float = 0.0
    role: str = ""
    own: bool = True
    equal_power: bool = False


BAND: Final = ("drums", "bass", "other")
_SEND: Final = 0.8
_ECHO_BEATS: Final = 0.75
_QUICK_BARS: Final = 1 / 64
"""What changes at once does so in 30 ms or so, on its bar."""


def steps(rule: Rule) -> tuple[Step, ...]:
    """What a rule's bridge does, in order."""
    match rule.how:
        case "crossfade":
            return _crossfade(rule.bars)
        case "bass-swap":
            return _bass_swap(rule.bars)
        case "stem-swap":
            return _stem_swap(rule.bars)
        case "echo-out":
            return _echo_out(rule.bars)
        case "cut":
            return _handed_over(0.0, Step(bar=0.0, side="to", what="play"))


def _handed_over(bar: float, *before: Step) -> tuple[Step, ...]:
    """Steps, and at their end the other track leads, and the first rests."""
    end = (Step(bar=bar, side="to", what="lead"), Step(bar=bar, side="from", what="pause"))
    return tuple(sorted((*before, *end), key=lambda step: step.bar))


def _crossing(bars: float) -> tuple[Step, ...]:
    return (
        Step(bar=-1.0, side="to", what="fader", value=OFF_DB, own=False),
        Step(bar=0.0, side="to", what="play"),
        Step(bar=0.0, side="to", what="fader", bars=bars, equal_power=True),
        Step(bar=0.0, side="from", what="fader", value=OFF_DB, bars=bars, own=False, equal_power=True),
    )


def _crossfade(bars: float) -> tuple[Step, ...]:
    return _handed_over(bars, *_crossing(bars))


def _bass_swap(bars: float) -> tuple[Step, ...]:
    """A crossfade, but the low end of one only: they change over on the bar line in the middle."""
    middle = float(math.ceil(bars / 2)) if bars > 1 else 0.5
    return _handed_over(
        bars,
        *_crossing(bars),
        Step(bar=-1.0, side="to", what="low", value=OFF_DB, own=False),
        Step(bar=middle, side="from", what="low", value=OFF_DB, bars=_QUICK_BARS, own=False),
        Step(bar=middle, side="to", what="low", bars=_QUICK_BARS),
    )


def _stem_swap(bars: float) -> tuple[Step, ...]:
    """The band changes over in the first bar, the vocals in the last: meanwhile one sings over the other."""
    fade = min(1.0, bars / 4)
    rest = [Step(bar=-1.0, side="to", what="level", value=OFF_DB, role=role, own=False)
            for role in (*BAND, "vocals")]  # fmt: skip
    changes = [(role, 0.0) for role in BAND] + [("vocals", bars - fade)]
    for role, bar in changes:
        rest.append(Step(bar=bar, side="to", what="level", role=role, bars=fade))
        rest.append(Step(bar=bar, side="from", what="level", role=role, value=OFF_DB, bars=fade, own=False))
    return _handed_over(bars, *rest, Step(bar=0.0, side="to", what="play"))


def _echo_out(bars: float) -> tuple[Step, ...]:
    """More and more of it into the echo; on the one it is cut, and the other begins under what rings on."""
    return _handed_over(
        bars,
        Step(bar=-1.0, side="session", what="delay", value=_ECHO_BEATS),
        Step(bar=0.0, side="from", what="send", value=_SEND, bars=bars),
        Step(bar=bars, side="from", what="fader", value=OFF_DB, bars=_QUICK_BARS, own=False),
        Step(bar=bars, side="from", what="send", bars=_QUICK_BARS, own=False),
        Step(bar=bars, side="to", what="play"),
    )


def lead_in_bars(rule: Rule) -> float:
    """How many bars of the bridge lie before the other track begins."""
    return rule.bars if rule.how == "echo-out" else 0.0


def shortened(rule: Rule, bars: float) -> Rule:
    """The same with a shorter bridge: whole bars, or a cut if there is not one."""
    if bars < 1.0:
        return replace(rule, how="cut", bars=0.0) if rule.bars >= 1.0 else rule
    return replace(rule, bars=float(math.floor(bars)))


def entry_s(rule: Rule, analysis: Analysis, duration_s: float) -> float:
    """Where the other track is entered: the first downbeat of the rule's section, else of the song."""
    for part in parts(analysis, duration_s):
        if rule.entering and part.label == rule.entering:
            return part.start_s
    downbeats = analysis.downbeats_s
    return downbeats[0] if downbeats else 0.0
