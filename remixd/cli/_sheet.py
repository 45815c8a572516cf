"""A track in words: what `remixd track show` prints of it, a line a fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from remixd.cli._out import minutes

_APART: Final = ("stems", "notes", "rights", "edited")
"""Told elsewhere, or after all others."""
_HOW: Final = {"hand": "by hand", "given": "came with the song", "guessed": "a guess", "letter": ""}


def track_in_words(package: Mapping[str, Any]) -> Iterator[str]:
    """The facts of a track in JSON's types: not its stems, rights, edits and notes."""
    for name, value in package.items():
        if name in _APART:
            continue
        if name in _TOLD:
            yield from _TOLD[name](package)
        elif isinstance(value, list) and value and not isinstance(value[0], str):
            yield f"{name}: {len(value)}"
        elif value not in (None, "", [], {}):
            yield f"{name}: {_told(value)}"


def _beats(package: Mapping[str, Any]) -> Iterator[str]:
    if package["beats_s"]:
        even = "an even grid" if package["constant_tempo"] else "a tempo that moves"
        yield f"beats_s: {len(package['beats_s'])}, {even}"
    else:
        yield "beats_s: none: what goes by beats and bars goes by the second, a bar being 2 s"


def _alternatives(package: Mapping[str, Any]) -> Iterator[str]:
    for number, way in enumerate(package["alternatives"], start=1):
        yield (
            f"alternative {number}: {way['bpm']:.2f} bpm, {way['metre']}, bars from"
            f" {way['first_downbeat_s']:.3f} s on ({100 * way['chance']:.0f} %):"
            f" `remixd track edit {package['id']} --alternative {number}`"
        )


def _curve(package: Mapping[str, Any]) -> Iterator[str]:
    if package["energy_curve"]:
        yield f"energy_curve: {len(package['energy_curve'])} seconds"


def _sections(package: Mapping[str, Any]) -> Iterator[str]:
    for part in package["sections"]:
        why = ", ".join(filter(None, (_HOW[part["how"]], part["because"])))
        yield f"section {minutes(part['start_s'])}: {part['label']}" + (f" ({why})" if why else "")


def _singing(package: Mapping[str, Any]) -> Iterator[str]:
    spans = package["singing"]
    if spans is not None:
        sung_s = sum(span["end_s"] - span["start_s"] for span in spans)
        share = 100 * sung_s / max(package["duration_s"], 1e-9)
        yield f"singing: {share:.0f} % of the song, {len(spans)} span{'s'[: len(spans) != 1]}"


def _onsets(package: Mapping[str, Any]) -> Iterator[str]:
    if package["onsets_s"]:
        yield "onsets_s: " + ", ".join(f"{name} {len(times)}" for name, times in package["onsets_s"].items())


def _null_test(package: Mapping[str, Any]) -> Iterator[str]:
    found = package["null_test"]
    if found is not None:
        worst = max(found["segments_db"], default=found["residual_db"])
        yield f"null_test: {found['residual_db']:.0f} dB beside the master, at worst {worst:.0f} dB"


def _nothing(_: Mapping[str, Any]) -> Iterator[str]:
    yield from ()


_TOLD: Final = {
    "beats_s": _beats, "constant_tempo": _nothing, "alternatives": _alternatives, "energy_curve": _curve,
    "sections": _sections, "singing": _singing, "onsets_s": _onsets, "onset_strengths": _nothing,
    "null_test": _null_test,
}  # fmt: skip


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
