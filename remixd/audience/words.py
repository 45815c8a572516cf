"""What fans write, as wishes: short texts in English and Korean, and emoji. Pure; Thread: [control].

A text is read word by word against the vocabulary. Words that belong together make a clause: what it is
about, and which way it is to go. A clause without a way takes that of its neighbour ("more drums and bass");
commas part more than "and" does. What is understood goes, and the rest is named; a text of which most is not
understood is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, cast

from remixd.audience import vocabulary
from remixd.audience.clauses import Clause, Token, cut_clauses, faded, fold, read_tokens, share_ways
from remixd.audience.signal import STEPS_MAX, Reaction
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS
from remixd.units import STEM_ROLES

TEXT_LENGTH_MAX: Final = 200
EMOJI_LENGTH_MAX: Final = 16
"""Characters; one emoji may be made of several."""

HINT: Final = 'say such as "more drums", "less vocals", "no bass", "slower", "a bit dreamy" or "love it"'
_LEVELS: Final = frozenset(STEM_ROLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What a text or an emoji was taken for: wishes and directions, or else a reaction.

    Attributes:
        wishes: values of dimensions, in their units.
        directions: steps of dimensions, up to STEPS_MAX; of none that is in `wishes`.
        reaction: one of REACTIONS without an amount, or empty.
        words: all of it, for a person, as in `space +2, brightness -1`.
    """

    wishes: Mapping[str, float] = field(default_factory=dict)
    directions: Mapping[str, float] = field(default_factory=dict)
    reaction: Reaction | Literal[""] = ""
    words: str = ""


class _Reading:
    """The sum of what is understood."""

    def __init__(self) -> None:
        self.wishes: dict[str, float] = {}
        self.steps: dict[str, float] = {}
        self.known = 0
        self.left: list[str] = []

    def add(self, name: str, steps: float) -> None:
        self.steps[name] = self.steps.get(name, 0.0) + steps

    def take(self, clause: Clause) -> None:
        """Add a clause: nothing, if it names a dimension but no way."""
        for target in clause.targets:
            if target.kind == "dimension":
                self._take_dimension(target.name, clause, beside=clause.targets)
                continue
            way = -1.0 if clause.off else (clause.degree or 1.0)
            if target.kind == "mood" and target.text in ("energy", "warmth", "에너지"):
                way *= clause.level or 1.0
            way *= clause.round() * clause.scale
            parts = vocabulary.MOODS[target.name] if target.kind == "mood" else {target.name: target.sign}
            for name, steps in parts.items():
                self.add(name, steps * way)
            self.known += 1

    def _take_dimension(self, name: str, clause: Clause, beside: list[Token]) -> None:
        row = DIMENSIONS[name]
        same = [token for token in beside if token.kind == "quality" and token.name == name]
        if same:  # as in `a slower tempo`: the quality says it
            self.known += 1
        elif clause.off and name in (*_LEVELS, "space", "drive"):
            self.wishes[name] = row.neutral if clause.negated else row.minimum
            self.known += 2
        elif clause.normal:
            self.wishes[name] = row.neutral
            self.known += 2
        elif clause.off or clause.has_way:
            way = -1.0 if clause.off else clause.way()
            self.add(name, way * clause.scale)
            self.known += 2
        else:
            self.left.append(name)


def _told(wishes: Mapping[str, float], steps: Mapping[str, float]) -> str:
    """For a person, in the order of the table."""
    told = [
        f"{name}={wishes[name]:g}" if name in wishes else f"{name} {steps[name]:+g}"
        for name in DIMENSIONS
        if name in wishes or name in steps
    ]
    return ", ".join(told)


def check_text(text: str) -> str:
    """A text as it is. Raises InvalidInput if it is empty, too long, or cannot be printed."""
    if not text.strip():
        raise InvalidInput("text is empty", field="text")
    if len(text) > TEXT_LENGTH_MAX:
        raise InvalidInput(
            f"text has {len(text)} characters; at most {TEXT_LENGTH_MAX} are taken", field="text"
        )
    if not all(char.isprintable() or char in "\n\t\u200d" for char in text):
        raise InvalidInput("text holds characters that cannot be printed", field="text")
    return text


def read_text(text: str, mood_of: Callable[[str], str | None] | None = None) -> Understood:
    """What a fan's text says.

    Args:
        text: at most TEXT_LENGTH_MAX characters, of anything.
        mood_of: asked where the vocabulary does not suffice: the name of the mood that a text is similar to,
            or None.

    Raises InvalidInput, saying what could be said, for a text that is not understood.
    """
    understood = _read(check_text(text))
    if understood is None and mood_of is not None and (mood := mood_of(text)) in vocabulary.MOODS:
        steps = vocabulary.MOODS[cast("str", mood)]
        understood = Understood(directions=steps, words=f"{mood}: {_told({}, steps)}")
    if understood is None:
        shown = " ".join(text.split())
        shown = shown if len(shown) <= 40 else shown[:39] + "…"
        raise InvalidInput(f"text: {shown!r} is not understood: {HINT}", field="text")
    return understood


def read_emoji(emoji: str) -> Understood:
    """What an emoji says. Raises InvalidInput for one that is not in the table."""
    bare = faded(emoji.strip()) if len(emoji) <= EMOJI_LENGTH_MAX else ""
    said = vocabulary.EMOJI.get(bare)
    understood = _read(said) if said else None
    if understood is None:
        raise InvalidInput(f"emoji is none of {' '.join(vocabulary.EMOJI)}", field="emoji")
    return understood


@lru_cache(maxsize=4096)
def _read(text: str) -> Understood | None:
    """What a text says by the vocabulary alone; None if that is too little of it."""
    tokens: list[Token] = []
    for token in read_tokens(fold(text)):
        tokens += read_tokens(vocabulary.EMOJI[token.text]) if token.kind == "emoji" else (token,)
        if token.kind == "emoji":
            tokens.append(Token("but", ","))
    reactions = [token.name for token in tokens if token.kind == "reaction"]
    unknown = [token.text for token in tokens if token.kind == "unknown"]
    rest = [_disliked(tokens, at) for at in range(len(tokens))]
    clauses = cut_clauses(token for token in rest if token.kind not in ("unknown", "reaction"))
    share_ways(clauses)
    reading = _Reading()
    for clause in clauses:
        reading.take(clause)
    steps = {
        name: max(-STEPS_MAX, min(STEPS_MAX, value))
        for name, value in reading.steps.items()
        if value and name not in reading.wishes
    }
    lost = unknown if reactions else [*unknown, *reading.left]
    left = f"; not understood: {' '.join(lost)[:60]}" if lost else ""
    if (reading.wishes or steps) and len(unknown) <= reading.known:
        return Understood(
            wishes=MappingProxyType(reading.wishes), directions=MappingProxyType(steps),
            words=_told(reading.wishes, steps) + left,
        )  # fmt: skip
    if reactions and len(unknown) <= len(reactions):
        reaction = _negated(reactions[0]) if any(token.kind == "not" for token in tokens) else reactions[0]
        return Understood(reaction=cast("Reaction", reaction), words=reaction + left)
    return None


def _disliked(tokens: list[Token], at: int) -> Token:
    """A token; a word that dislikes what is named beside it is `less`, as in `I don't like the drums`."""
    token = tokens[at]
    if token.kind != "reaction":
        return token
    names = any(other.kind in ("dimension", "quality", "mood") for other in tokens)
    after_not = at > 0 and tokens[at - 1].kind == "not"
    if names and token.name in ("like", "love") and after_not:
        return Token("degree", token.text, sign=1.0)  # the negation turns it round
    if names and token.name in ("dislike", "worse"):
        return Token("degree", token.text, sign=-1.0)
    return token


def _negated(reaction: str) -> str:
    opposites = {
        "like": "dislike",
        "love": "dislike",
        "dislike": "like",
        "better": "worse",
        "worse": "better",
    }
    return opposites.get(reaction, reaction)
