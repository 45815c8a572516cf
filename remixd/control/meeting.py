"""Where two decks meet: what is known of both, where the one can be left, and the other entered.

Thread: [control].
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from remixd.control.bridging import BAR, bar_beats, music, pace, place
from remixd.control.decks import Deck, Decks, Loaded
from remixd.director.sections import part_at, parts
from remixd.director.transitions import (
    MEETS,
    How,
    Meeting,
    Rule,
    choose,
    entry_s,
    key_relation,
    lead_in_bars,
    mash_up_problem,
    ratio_between,
    shortened,
)
from remixd.errors import InvalidInput
from remixd.mix import WHENS, When
from remixd.units import RATE_HZ, frames_from_seconds


def check_mash_up(leaving: Loaded, entering: Loaded) -> None:
    """Raise InvalidInput, with the reason, if the vocals of one may not sound over the band of the other."""
    one, other = leaving.track, entering.track
    if problem := mash_up_problem(one.rights, other.rights, (one.title, other.title)):
        raise InvalidInput(f"a stem swap cannot be: {problem}", field="how")
    if "vocals" not in one.roles or set(other.roles) <= {"vocals"}:
        raise InvalidInput("a stem swap needs vocals to leave, and a band to go to", field="how")


def meeting_of(leaving: Deck, entering: Deck) -> Meeting:
    """What is known of what two decks hold; the first one plays."""
    here, there = music(leaving), music(entering)
    one, other = here.track.analysis, there.track.analysis
    section = part_at(parts(one, here.track.duration_s), place(leaving) / RATE_HZ)
    ratio = None
    if here.beats.heard and there.beats.heard and (rate := pace(leaving)) > 0.0:
        ratio = ratio_between(1.0 / rate, there.beats.interval(entering.frame))
    return Meeting(
        leaving=section.label,
        labels=tuple(each.label for each in other.sections),
        keys=key_relation(one.key, other.key),
        ratio=ratio,
    )


def rule_for(leaving: Deck, entering: Deck, how: How | Literal[""], bars: float) -> Rule:
    """The rule of the table, or what was asked for. Raises InvalidInput for what rights forbid."""
    rule = choose(meeting_of(leaving, entering), how)
    if rule.how == "stem-swap":
        check_mash_up(music(leaving), music(entering))
    return replace(rule, bars=bars) if bars and rule.how != "cut" else rule


def fitting(rule: Rule, leaving: Deck, frame: float) -> Rule:
    """A bridge from a source frame on that is over before the song that is left."""
    loaded = music(leaving)
    left = (loaded.beats.frames[-1] - frame) / loaded.beats.interval(frame) / bar_beats(loaded)
    return rule if loaded.loops or rule.bars <= left else shortened(rule, left)


def is_in_beat(rule: Rule, leaving: Deck, entering: Deck) -> bool:
    """Whether the other deck is to follow the first one's beat.

    Raises InvalidInput where it would have to, and its rights do not let it.
    """
    meeting = meeting_of(leaving, entering)
    if meeting.ratio is None:
        return False
    low, high = music(entering).track.rights.range("tempo")
    can = low <= meeting.ratio <= high
    if rule.how in ("cut", "echo-out"):
        return can and meeting.tempo <= MEETS
    if not can:
        raise InvalidInput(
            f"deck {entering.name} would have to run at {meeting.ratio:.3g} of its tempo, and its rights "
            f"allow {low:g} to {high:g}: take cut or echo-out", field="how",
        )  # fmt: skip
    return True


def entry_of(rule: Rule, entering: Deck) -> int:
    """The source frame that a deck is entered at: the bar nearest to where a hand put it, else the rule's."""
    loaded = music(entering)
    if entering.frame > 1.0:
        return round(loaded.beats.nearest(BAR, entering.frame))
    entry = frames_from_seconds(entry_s(rule, loaded.track.analysis, loaded.track.duration_s))
    return round(loaded.beats.nearest(BAR, entry))


def starts(decks: Decks, leaving: Deck, at: When, rule: Rule | None) -> Iterator[tuple[float, int]]:
    """Where a bridge can begin, in order: source frames, and about which samples.

    It begins on a mark; or, where the other track enters later, so many bars before one.
    """
    loaded, entry = music(leaving), leaving.entry
    if entry is None or entry.tempo <= 0.0:
        return
    here, beats, level = place(leaving), loaded.beats, WHENS.index(at)
    lead_in = lead_in_bars(rule) * bar_beats(loaded) if rule else 0.0
    for lap in (0, loaded.frames) if loaded.loops else (0,):
        for index in range(0 if lap else bisect_left(beats.frames, here), len(beats.frames)):
            mark = beats.frames[index]
            if beats.levels[index] < level:
                continue
            if entry.looping and mark + lap >= entry.loop_end:
                return
            start = mark + lap - lead_in * beats.interval(mark)
            yield start, decks.sample + round((start - here) / entry.tempo)
