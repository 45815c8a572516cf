"""The rights of a track as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from remixd.mix import DIMENSIONS

_EXPORTS: Final = {
    "free": "What is made of it may leave this machine.",
    "with-credit": "What is made of it may leave this machine if the artist is named.",
    "no": "What is made of it must not leave this machine.",
}
_MOVED: Final = {"tempo": "The tempo", "pitch": "The pitch"}
_STEMS: Final = {"drums": "The drums", "bass": "The bass", "vocals": "The vocals", "other": "The other stems"}


def rights_in_words(rights: Mapping[str, Any], roles: set[str]) -> list[str]:
    """What may be done to a track, a sentence each.

    Args:
        rights: as `remixd.track.rights.Rights.to_json` gives it: effective, every dimension in `ranges`.
        roles: of the stems that it plays; levels of others are left out.
    """
    told = []
    for name, (low, high) in rights["ranges"].items():
        if name in _MOVED:
            told.append(_moves(_MOVED[name], name, low, high))
        elif name in roles:
            told.append(_levels(_STEMS[name], name, low, high, never_muted=name in rights["never_mute"]))
    if "vocals" in roles:
        alone = "may be" if rights["vocals_solo"] else "may not be"
        told.append(f"The vocals {alone} heard alone.")
    told.append(f"It {'may' if rights['mash_ups'] else 'may not'} be mixed with other works.")
    told.append(_EXPORTS[rights["export"]])
    for name, where in (("territories", "in"), ("languages", "in the languages")):
        if rights[name]:
            told.append(f"It may be used {where} {', '.join(rights[name])} only.")
    return told


def _moves(subject: str, name: str, low: float, high: float) -> str:
    row = DIMENSIONS[name]
    if low == high == row.neutral:
        return f"{subject} stays as the artist made it."
    if name == "tempo":
        return f"{subject} may go from {100 * low:.4g} % to {100 * high:.4g} % of the artist's."
    return f"{subject} may be moved by {low:+g} to {high:+g} {row.unit}."


def _levels(subject: str, name: str, low: float, high: float, *, never_muted: bool) -> str:
    row = DIMENSIONS[name]
    if (low, high) == (row.minimum, row.maximum):
        return f"{subject} may be at any level."
    if low == high == row.neutral:
        return f"{subject} must stay at the artist's level."
    never = ", and never be muted" if never_muted else ""
    return f"{subject} may go from {low:g} to {high:+g} dB{never}."
