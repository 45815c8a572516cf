"""The words of a fan's text, and which of them belong together. Pure; Thread: [control]."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from remixd.audience import vocabulary

_PHRASE_WORDS_MAX: Final = 4
_FADED: Final = re.compile("[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]")
_APOSTROPHES: Final = re.compile("['\u2019\u02bc`]")
_LIKENESS: Final = re.compile(r"\b(sounds?|feels?|looks?|would|id|something|just) like\b")
_PARTS: Final = re.compile(r"[^\W\d_]+|\d+|[^\w\s-]|_", re.UNICODE)
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")

AS_LEVELS: Final[Mapping[str, float]] = MappingProxyType({"heavy": 1.0, "soft": -1.0})
"""Moods that are levels beside the name of a dimension."""

Kind = Literal[
    "dimension", "quality", "mood", "level", "degree", "off", "normal", "scale", "too", "not", "enough",
    "reaction", "emoji", "and", "comma", "but", "unknown",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A phrase of the vocabulary: what it names, and which way, or how far, it goes."""

    kind: Kind
    text: str
    name: str = ""
    sign: float = 1.0


_FILLERS: Final = frozenset(vocabulary.FILLERS.split())


def _entries() -> Iterator[tuple[str, Token]]:
    """Every phrase of the vocabulary; a later one takes the place of an earlier one."""
    for said in (vocabulary.DIMENSIONS_SAID, vocabulary.DIMENSIONS_SAID_KO):
        for name, words in said.items():
            yield from ((word, Token("dimension", word, name)) for word in words.split())
    for name, phrases in vocabulary.MOODS_SAID.items():
        yield from ((phrase, Token("mood", phrase, name)) for phrase in phrases)
    for phrase, (name, sign) in vocabulary.QUALITIES.items():
        yield phrase, Token("quality", phrase, name, sign)
    for reaction, phrases in vocabulary.REACTIONS_SAID.items():
        yield from ((phrase, Token("reaction", phrase, reaction)) for phrase in phrases)
    signed: tuple[tuple[Kind, float, Iterable[str]], ...] = (
        ("level", 1.0, vocabulary.LOUDER),
        ("level", -1.0, vocabulary.QUIETER),
        ("degree", 1.0, vocabulary.MORE),
        ("degree", -1.0, vocabulary.LESS),
        ("off", -1.0, vocabulary.OFF),
        ("normal", 0.0, vocabulary.NORMAL),
        ("too", -1.0, vocabulary.TOO),
        ("not", -1.0, vocabulary.NOT),
        ("enough", -1.0, vocabulary.ENOUGH),
        ("and", 0.0, vocabulary.AND),
        ("but", 0.0, vocabulary.BUT),
    )
    for kind, sign, alike in signed:
        yield from ((phrase, Token(kind, phrase, sign=sign)) for phrase in alike)
    for phrase, scale in vocabulary.SCALES.items():
        yield phrase, Token("scale", phrase, sign=scale)


def _bare(phrase: str) -> str:
    """A phrase without the fillers in it, unless it is nothing else."""
    return " ".join(word for word in phrase.split() if word not in _FILLERS) or phrase


_PHRASES: Final[Mapping[str, Token]] = MappingProxyType({_bare(each): token for each, token in _entries()})
_STEMS: Final = tuple(
    sorted(
        (phrase for phrase in _PHRASES if _HANGUL.match(phrase) and len(phrase) > 1), key=len, reverse=True
    )
)
_STEMS_BY_FIRST: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {first: tuple(stem for stem in _STEMS if stem[0] == first) for first in {stem[0] for stem in _STEMS}}
)


def _korean(word: str) -> Iterator[Token]:
    """The stems in one word of Hangul, particles and endings left out."""
    found = False
    at = 0
    while at < len(word):
        stems = _STEMS_BY_FIRST.get(word[at], ()) if not at or found else ()
        stem = next((stem for stem in stems if word.startswith(stem, at)), "")
        if stem:
            found = True
            yield _PHRASES[stem]
        at += len(stem) or 1
    if not found:
        yield Token("unknown", word)


def read_tokens(text: str) -> Iterator[Token]:
    """A text as tokens: the longest phrases that the vocabulary has."""
    words = [word for word in _PARTS.findall(text) if word in _PHRASES or word not in _FILLERS]
    at = 0
    while at < len(words):
        for size in range(min(_PHRASE_WORDS_MAX, len(words) - at), 0, -1):
            token = _PHRASES.get(" ".join(words[at : at + size]))
            if token is not None:
                yield token
                break
        else:
            size = 1
            yield from _other(words[at])
        at += size


def fold(text: str) -> str:
    """A text as the vocabulary has it. Composed first: Hangul may come in pieces."""
    text = unicodedata.normalize("NFC", faded(text)).casefold()
    return _LIKENESS.sub(" ", _APOSTROPHES.sub("", text))


def faded(text: str) -> str:
    """Emoji without their variations and skin tones."""
    return _FADED.sub("", text)


def _other(word: str) -> Iterator[Token]:
    """A word that is no phrase of the vocabulary as it stands."""
    if word in vocabulary.EMOJI:
        yield Token("emoji", word)
    elif _HANGUL.match(word):
        yield from _korean(word)
    elif word.isalpha():
        yield Token("unknown", word)
    elif not word.isdigit():
        yield Token("and" if word in "+&" else "comma" if word in ",/、" else "but", word)


@dataclass(slots=True)
class Clause:
    """What belongs together: what it is about, which way, and how far.

    Attributes:
        link: what parts it from the one before.
        level: 1 for louder, -1 for quieter.
        degree: 1 for more, -1 for less.
        turned: -1 for too much of it.
    """

    link: Kind = "comma"
    targets: list[Token] = field(default_factory=list)
    level: float = 0.0
    degree: float = 0.0
    off: bool = False
    normal: bool = False
    scale: float = 1.0
    turned: float = 1.0
    negated: bool = False
    enough: bool = False

    @property
    def has_way(self) -> bool:
        """Whether it says which way dimensions are to go."""
        turned = self.turned < 0.0 or (self.negated and self.enough)
        return bool(self.level or self.degree or self.off or self.normal or turned)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been said yet."""
        return not (self.targets or self.has_way or self.scale != 1.0 or self.negated)

    def round(self) -> float:
        """1 or, where a negation turns it round, -1."""
        turned = self.turned * (-1.0 if self.negated else 1.0)
        return -turned if self.enough and self.negated else turned

    def way(self) -> float:
        """1 for more, -1 for less, of a dimension."""
        return (self.level or 1.0) * (self.degree or 1.0) * self.round()

    def settle(self) -> None:
        """Name each dimension once; what is heavy or soft of one, as in `heavier drums`, is its level."""
        if any(target.kind == "dimension" for target in self.targets):
            for target in self.targets:
                if target.name in AS_LEVELS and not self.level:
                    self.level = AS_LEVELS[target.name]
            self.targets = [target for target in self.targets if target.name not in AS_LEVELS]
        self.targets = list({(target.kind, target.name): target for target in self.targets}.values())

    def take_way(self, other: Clause) -> None:
        """Go the way of another clause."""
        for name in ("level", "degree", "off", "normal", "turned", "negated", "enough"):
            setattr(self, name, getattr(other, name))
        self.scale *= other.scale


def cut_clauses(tokens: Iterable[Token]) -> list[Clause]:
    """What belongs together, of tokens without reactions."""
    clauses = [Clause()]
    before: Token | None = None
    for token in tokens:
        clause = clauses[-1]
        if token.kind in ("and", "comma", "but"):
            if not clause.is_empty:
                clauses.append(Clause(link=token.kind))
            elif token.kind == "but":
                clause.link = "but"
        elif token.kind in ("dimension", "quality", "mood"):
            if (
                clause.targets
                and clause.has_way
                and before
                and before.kind in ("level", "degree", "off", "normal")
            ):
                clause = _next(clauses, before)
            clause.targets.append(token)
        else:
            _turn(clauses, token)
        before = token
    for clause in clauses:
        clause.settle()
    return clauses


def _next(clauses: list[Clause], before: Token) -> Clause:
    """Begin a clause at a new target.

    The word just before it is its own where the last clause has another way, as in `drums up more bass`.
    """
    last, clause = clauses[-1], Clause()
    if before.kind == "degree" and last.level:
        last.degree, clause.degree = 0.0, before.sign
    elif before.kind == "level" and last.degree:
        last.level, clause.level = 0.0, before.sign
    clauses.append(clause)
    return clause


def _turn(clauses: list[Clause], token: Token) -> None:
    """Take a word that says which way or how far."""
    clause = clauses[-1]
    slot = token.kind
    taken = {"level": clause.level, "degree": clause.degree, "off": clause.off, "normal": clause.normal}.get(
        slot
    )
    if clause.targets and (taken or (clause.has_way and slot in ("off", "normal"))):
        clauses.append(clause := Clause())
    match slot:
        case "level":
            clause.level = token.sign
        case "degree":
            clause.degree = token.sign
        case "off":
            clause.off = True
        case "normal":
            clause.normal = True
        case "scale":
            clause.scale *= token.sign
        case "too":
            clause.turned = -1.0
        case "not":
            clause.negated = not clause.negated
        case "enough":
            clause.enough = True


def share_ways(clauses: list[Clause]) -> None:
    """Give clauses that name dimensions, and no way, that of a neighbour.

    First of one that "and" joins, then of the one before, then of the one after; of none behind a "but".
    """
    found: list[tuple[Clause, Clause]] = []
    for at, clause in enumerate(clauses):
        if clause.has_way or not any(target.kind == "dimension" for target in clause.targets):
            continue
        for step, links in ((-1, ("and",)), (1, ("and",)), (-1, ("and", "comma")), (1, ("and", "comma"))):
            other = _neighbour(clauses, at, step, links)
            if other is not None:
                found.append((clause, other))
                break
    for clause, other in found:
        clause.take_way(other)


def _neighbour(clauses: list[Clause], at: int, step: int, links: tuple[str, ...]) -> Clause | None:
    """The nearest clause, that way, which says which way dimensions go, and is linked so."""
    while 0 <= at + step < len(clauses) and clauses[max(at, at + step)].link in links:
        at += step
        if clauses[at].has_way and all(target.kind == "dimension" for target in clauses[at].targets):
            return clauses[at]
    return None
