"""What is told of a session's audience: tastes, reasons, the crowd. Thread: [control]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from remixd.audience.crowd import PUBLIC_FANS_MIN
from remixd.audience.ledger import Entry
from remixd.audience.space import NAMES, unit_of, value_of
from remixd.audience.told import CrowdDimension, CrowdTold, Explained, Part, TasteTold
from remixd.audience.utility import Kind
from remixd.audience.wanted import rounded_value
from remixd.control.command import heard, lower
from remixd.director.explain import in_words, told
from remixd.director.planner import Want
from remixd.mix import DIMENSIONS, NEUTRAL

if TYPE_CHECKING:
    from remixd.control.desk import Desk

LOUD: Final = 0.1
"""What is this far from the presets' mix, in taste space, is called loud or quiet."""

TOLD_LEAST: Final = 0.005
"""A share of a dimension's half range below which a reason is not told by itself."""

ACTS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.LIKE: ("a like", "likes"), Kind.LOVE: ("a love", "loves"), Kind.DISLIKE: ("a dislike", "dislikes"),
    Kind.SKIP: ("a skip", "skips"), Kind.REPLAY: ("a replay", "replays"),
    Kind.DWELL: ("listening on", "phrases listened to"), Kind.VOLUME_UP: ("turning it up", "times turned up"),
    Kind.VOLUME_DOWN: ("turning it down", "times turned down"),
    Kind.BETTER: ("a \"better\"", "times \"better\""), Kind.WORSE: ("a \"worse\"", "times \"worse\""),
}  # fmt: skip


def status_of(desk: Desk) -> dict[str, Any]:
    """What a session's status tells of its audience."""
    directing = desk.directing
    is_crowd = directing is not None and desk.audience.is_crowd
    return {
        "wanted": {name: each.value for name, each in directing.wanted.items()} if directing else {},
        "authority": dict(desk.arbiter.owners),
        "fans": desk.audience.live_fans,
        "alarms": alarms_of(desk),
        "crowd": crowd_of(desk) if is_crowd else None,
    }


def alarms_of(desk: Desk) -> tuple[str, ...]:
    """Suspected brigading, in words."""
    decision = desk.audience.decision
    return tuple(
        f"{each.fans} new fans pull {each.name} to {told(each.name, rounded_value(each.name, each.towards))} "
        "together: they count for a fifth for now"
        for each in (decision.alarms if decision else ())
    )


def taste_of(desk: Desk, handle: str) -> TasteTold:
    """What is believed of one fan. Raises NotFound."""
    audience = desk.audience
    audience.tick(desk.clock.at_s)
    fan = audience.fans.get(handle)
    values, sure = (rows[0] for rows in audience.positions(np.array([fan.slot])))
    return TasteTold(
        fan=handle,
        values={
            name: fan.stated[index].value
            if index in fan.stated and fan.stated[index].share == 1.0
            else round(value_of(name, float(values[index])), 4)
            for index, name in enumerate(NAMES)
        },
        certainty={name: round(float(sure[index]), 4) for index, name in enumerate(NAMES)},
        signals=fan.signals,
        consent=fan.consent,
        exploring=audience.explores if fan.exploring is None else fan.exploring,
    )


def explained(desk: Desk, handle: str = "") -> list[Explained]:
    """Why each dimension is as it is: for all fans together, or by what one of them has expressed.

    Raises NotFound for a fan that is not known.
    """
    audience, directing = desk.audience, desk.directing
    audience.tick(desk.clock.at_s)
    if directing:
        directing.look(desk.clock)
    only = next(iter(audience.fans), None) if not audience.is_crowd else None
    fan = audience.fans.get(handle) if handle else only
    now = heard(desk.mix, desk.decks.rights, desk.decks.roles)
    reasons = fan_parts(desk, fan.handle) if fan else {}
    positions = taste_of(desk, fan.handle).values if fan else {}
    explanations = []
    for name in DIMENSIONS:
        centre = directing.centre[name] if directing else NEUTRAL[name]
        want = directing.goal.get(name) if directing else None
        parts, wanted = _parts_of(name, reasons.get(name, ()), positions.get(name), want, centre)
        held_by = _held_by(desk, name, wanted, now[name])
        because = in_words(name, now[name], parts, desk.because.get(name, ""), held_by)
        explanations.append(
            Explained(
                dimension=name, value=now[name], wanted=wanted, centre=centre, parts=parts, held_by=held_by,
                because=because,
            )
        )  # fmt: skip
    return explanations


def _parts_of(
    name: str, reasons: tuple[Part, ...], position: float | None, want: Want | None, centre: float
) -> tuple[tuple[Part, ...], float]:
    """The reasons of one dimension, and what is wanted of it: what a fan's own come to, then all others."""
    wanted = want.value if want else centre
    if position is not None and reasons:
        rest = wanted - NEUTRAL[name] - sum(part.change for part in reasons)
        others = want.because if want else "where the presets have it"
        return (*reasons, *_rest(others, rest, name)), wanted
    return _rest(want.because if want else "", wanted - NEUTRAL[name], name), wanted


def _rest(what: str, change: float, name: str) -> tuple[Part, ...]:
    row = DIMENSIONS[name]
    if abs(change) <= TOLD_LEAST * (row.maximum - row.neutral):
        return ()
    return (Part(what=what or "the presets", change=round(change, 4)),)


def _held_by(desk: Desk, name: str, wanted: float, now: float) -> str:
    """Who keeps a dimension from what is wanted; empty if nobody does."""
    row = DIMENSIONS[name]
    if abs(wanted - now) <= TOLD_LEAST * (row.maximum - row.minimum):
        return ""
    if name in desk.arbiter.owners:
        return "dj"
    allowed = lower({name: wanted}, desk.mix, desk.decks.rights, desk.decks.roles)
    if allowed.values.get(name) != wanted:
        return "rights"
    if desk.directing and desk.directing.within_reach(name, wanted) != wanted:
        return "preset"
    return "slew" if desk.directing else ""


def fan_parts(desk: Desk, handle: str) -> dict[str, tuple[Part, ...]]:
    """What a fan's signals came to, by dimension, each in its unit. Raises NotFound."""
    audience = desk.audience
    fan = audience.fans.get(handle)
    explanation = audience.tastes.explain(fan.slot)
    (position,), _ = audience.positions(np.array([fan.slot]))
    parts = {}
    for index, name in enumerate(NAMES):
        groups: dict[str, tuple[float, list[str]]] = {}
        for entry in explanation.entries:
            what = _act(desk, entry, index)
            change, ids = groups.get(what, (0.0, []))
            said = audience.id_text(entry.id)
            groups[what] = change + float(entry.change[index]), [*ids, *([said] if said else [])]
        groups["what was said earlier"] = float(explanation.older[index]), []
        if stated := fan.stated.get(index):  # the slider itself, beside what the filter made of it
            slider = f"the wish for {told(name, stated.value)}"
            change, ids = groups.get(slider, (0.0, []))
            sums = sum(each for each, _ in groups.values())
            groups[slider] = change + float(position[index] - explanation.prior[index]) - sums, ids
        parts[name] = _in_unit(name, float(explanation.prior[index]), groups)
    return parts


def _act(desk: Desk, entry: Entry, index: int) -> str:
    """What a signal was, for one dimension, as it is grouped with others."""
    name = NAMES[index]
    if entry.kind is Kind.RECENTRE:
        return "other presets"
    if entry.kind is Kind.WISH:
        if entry.dimension != index:
            return f"the wish for {NAMES[entry.dimension or 0]}"
        return f"the wish for {told(name, round(value_of(name, entry.value), 4))}"
    one, many = ACTS[entry.kind]
    centre = unit_of(name, desk.directing.centre[name] if desk.directing else NEUTRAL[name])
    above = 0.0 if entry.heard is None else float(entry.heard[index]) - centre
    how = "" if abs(above) < LOUD else f" while {name} was {'high' if above > 0.0 else 'low'}"
    return f"{one}|{many}{how}"


def _in_unit(name: str, prior: float, groups: Mapping[str, tuple[float, list[str]]]) -> tuple[Part, ...]:
    """Reasons in the dimension's unit: their sum is exact, each has its share of it."""
    total = sum(change for change, _ in groups.values())
    whole = value_of(name, float(np.clip(prior + total, -1.0, 1.0))) - value_of(name, prior)
    slope = whole / total if abs(total) > 1e-9 else value_of(name, min(prior + 0.01, 1.0)) * 100.0
    row = DIMENSIONS[name]
    return tuple(
        Part(what=_counted(what, len(ids)), change=round(change * slope, 4), signals=tuple(ids))
        for what, (change, ids) in groups.items()
        if abs(change * slope) > TOLD_LEAST * (row.maximum - row.neutral)
    )


def _counted(what: str, count: int) -> str:
    """`a like|likes while ...`, so often."""
    one, bar, many = what.partition("|")
    if not bar:
        return what
    words, _, rest = many.partition(" while ")
    return " while ".join(filter(None, (one if count <= 1 else f"{count} {words}", rest)))


def crowd_of(desk: Desk) -> CrowdTold:
    """The crowd, as the DJ sees it."""
    audience, decision = desk.audience, desk.audience.decision
    weights = audience.crowd.histogram()
    dimensions = []
    for index, each in enumerate(decision.standings if decision else ()):
        whole = int(weights[index].sum())
        dimensions.append(
            CrowdDimension(
                dimension=each.name,
                fans=each.fans,
                wanted=round(value_of(each.name, each.goal), 4),
                how="peak" if each.how in ("low", "high") else each.how,
                peaks=tuple(round(value_of(each.name, peak), 4) for peak in each.peaks or ()),
                histogram=tuple((weights[index] / whole).tolist()) if whole else (),
                held_by="dj" if each.name in desk.arbiter.owners else "",
            )
        )
    return CrowdTold(
        fans=audience.live_fans, dimensions=tuple(dimensions), alarms=alarms_of(desk),
        polls=audience.votes.shares(desk.clock.at_s),
    )  # fmt: skip


def public_crowd(desk: Desk) -> CrowdTold | None:
    """The crowd, as everybody may see it; None of too few fans.

    Dimensions and contests of too few are left out, fans are told in tens, shares in fiftieths:
    nobody stands out.
    """
    if not (desk.directing and desk.audience.is_crowd):
        return None
    desk.directing.look(desk.clock)
    crowd = crowd_of(desk)
    if crowd.fans < PUBLIC_FANS_MIN:
        return None
    shown = (each for each in crowd.dimensions if each.fans >= PUBLIC_FANS_MIN)
    return CrowdTold(
        fans=_tens(crowd.fans),
        dimensions=tuple(
            replace(
                each,
                fans=_tens(each.fans),
                histogram=tuple(map(_fiftieths, each.histogram)),
            )
            for each in shown
        ),
        alarms=(),
        polls={
            name: {option: _fiftieths(share) for option, share in shares.items()}
            for name, shares in desk.audience.votes.shares(desk.clock.at_s, PUBLIC_FANS_MIN).items()
        },
    )


def _fiftieths(share: float) -> float:
    return round(share * 50.0) / 50.0


def _tens(fans: int) -> int:
    return fans // 10 * 10
