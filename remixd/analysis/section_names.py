"""What sections may be called, chorus or intro, and on what evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from remixd.analysis.activity import Sung, find_energy
from remixd.analysis.loudness import Loudness
from remixd.analysis.sections import FormSection

_SUNG: Final = 0.5
_UNSUNG: Final = 0.15
_CALMER: Final = 0.05  # of the energy curve: what counts as less


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionName:
    """What a section is called.

    Attributes:
        label: a guess such as "chorus" where there is evidence, else the section's letter.
        how: the evidence in words, such as "like 2 others; most energetic of what repeats; sung 92 %".
        guessed: whether `label` is more than the letter.
    """

    label: str
    how: str
    guessed: bool


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of all sections of one letter."""

    count: int
    energy: float
    sung: float | None


def name_sections(
    sections: Sequence[FormSection], mix: Loudness, singing: Sequence[Sung] | None
) -> tuple[SectionName, ...]:
    """Name sections by form, energy and singing; where those say nothing, by letter.

    A chorus is the most energetic part that comes again, and is sung; a verse comes again, is sung and
    calmer; an intro or outro stands at its end, is not sung or calmer than the song; an instrumental is not
    sung. A song without a vocals stem has no verses here, and its chorus rests on energy alone.

    Args:
        sections: of a song, in order.
        mix: loudness of the mix.
        singing: from `find_singing`; None where there is no vocals stem.

    Thread: [ingest].
    """
    if not sections:
        return ()
    edges_s = np.array([sections[0].start_s, *(section.end_s for section in sections)])
    energy = find_energy(mix, edges_s)
    sung = [None if singing is None else _sung_share(section, singing) for section in sections]
    facts = _facts(sections, energy.tolist(), sung)
    ranked = _repeated(facts)
    chorus = ranked[0] if ranked and _stands_out(ranked, facts) else None
    names = []
    for index, section in enumerate(sections):
        fact = facts[section.letter]
        calmer = bool(energy[index] < energy.mean() - _CALMER)
        guess, why = _guess(index, len(sections), fact, sung[index], calmer=calmer)
        if section.letter == chorus:
            guess, why = "chorus", "the most energetic part that comes again"
        elif not guess and chorus and section.letter in ranked and singing is not None:
            guess, why = "verse", "comes again, sung, calmer than the chorus"
        how = _how(section, fact, why, sung[index])
        names.append(SectionName(label=guess or section.letter, how=how, guessed=bool(guess)))
    return tuple(names)


def _facts(
    sections: Sequence[FormSection], energy: Sequence[float], sung: Sequence[float | None]
) -> Mapping[str, _Facts]:
    found = {}
    for letter in dict.fromkeys(section.letter for section in sections):
        of = [index for index, section in enumerate(sections) if section.letter == letter]
        shares = [share for index in of if (share := sung[index]) is not None]
        found[letter] = _Facts(
            len(of),
            float(np.mean([energy[index] for index in of])),
            float(np.mean(shares)) if shares else None,
        )
    return found


def _repeated(facts: Mapping[str, _Facts]) -> list[str]:
    """The letters that come again, and are sung where singing is known; the most energetic first."""
    found = [
        letter
        for letter, fact in facts.items()
        if fact.count > 1 and (fact.sung is None or fact.sung >= _SUNG)
    ]
    return sorted(found, key=lambda letter: facts[letter].energy, reverse=True)


def _stands_out(ranked: Sequence[str], facts: Mapping[str, _Facts]) -> bool:
    """Whether the first is clearly more energetic than the second or, without one, than the other letters."""
    rivals = ranked[1:2] or [letter for letter in facts if letter != ranked[0]]
    runner_up = float(np.mean([facts[letter].energy for letter in rivals])) if rivals else 1.0
    return facts[ranked[0]].energy >= runner_up + _CALMER


def _guess(index: int, count: int, fact: _Facts, sung: float | None, *, calmer: bool) -> tuple[str, str]:
    """A name from a section's place, singing and energy, and why; empty where there is none."""
    unsung = sung is not None and sung < _UNSUNG
    if count > 1 and index == 0 and (unsung or (sung is None and calmer)):
        return "intro", "first, not sung" if unsung else "first, calmer than the song"
    if count > 1 and index == count - 1 and fact.count == 1 and (unsung or calmer):
        return "outro", "last, not sung" if unsung else "last, calmer than the song"
    if unsung:
        return "instrumental", "not sung"
    return "", ""


def _how(section: FormSection, fact: _Facts, why: str, sung: float | None) -> str:
    others = fact.count - 1
    alike = f"like {others} other{'s'[: others != 1]}" if others else "like no other"
    parts = [f"{section.letter}: {alike}"]
    if why:
        parts.append(why)
    if sung is not None:
        parts.append(f"sung {100 * sung:.0f} %")
    return "; ".join(parts)


def _sung_share(section: FormSection, singing: Sequence[Sung]) -> float:
    start_s, end_s = section.start_s, section.end_s
    sung_s = sum(max(0.0, min(span.end_s, end_s) - max(span.start_s, start_s)) for span in singing)
    return sung_s / max(end_s - start_s, 1e-9)
