"""The decks of a session: `remixd deck SESSION [DECK ACTION ...]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import click

from remixd.audience.arc import parse_arc
from remixd.cli._options import Seconds, daemon_option, json_option
from remixd.cli._out import print_json, print_table
from remixd.cli._shelf import find_track
from remixd.cli.sessions import print_answer
from remixd.director.transitions import HOWS
from remixd.errors import InvalidInput, NotFound, nearest
from remixd.mix import WHENS
from remixd.units import STEM_ROLES

if TYPE_CHECKING:
    from remixd.client import Answer, Client, Console, Deck

ALL: Final = ("all", "session")
"""In the place of a deck: what is done to the session."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The words behind an action, taken one by one."""

    action: str
    left: list[str]

    def take(self, what: str) -> str:
        """The next word. Raises InvalidInput, saying what is missing."""
        if not self.left:
            raise InvalidInput(f"{self.action}: say {what}")
        return self.left.pop(0)

    def number(self, what: str) -> float:
        """The next word as a number; fractions such as 1/8 too."""
        word = self.take(what)
        try:
            return float(Fraction(word)) if "/" in word else float(word)
        except (ValueError, ZeroDivisionError):
            raise InvalidInput(f"{self.action}: {word!r} is not {what}") from None

    def is_on(self) -> bool:
        """Whether the next word, if there is one, is not `off`."""
        word = self.left.pop(0) if self.left else "on"
        if word not in ("on", "off"):
            raise InvalidInput(f"{self.action} is on or off, not {word!r}")
        return word == "on"

    def dimensions(self) -> tuple[str, ...]:
        """The next word, if there is one, as names with commas between; none for all dimensions."""
        return tuple(self.left.pop(0).split(",")) if self.left else ()

    def place(self, what: str) -> float:
        """The next word as a place in the song: `62.5` or `1:02.5`."""
        word = self.take(what)
        minutes, _, seconds = word.rpartition(":")
        try:
            return float(seconds) + 60.0 * (int(minutes) if minutes else 0)
        except ValueError:
            raise InvalidInput(f"{self.action}: {word!r} is not {what}") from None


@dataclass(frozen=True, slots=True)
class _Hand:
    """One command line on its way: the console, the deck, the words, and the options."""

    client: Client
    console: Console
    deck: str
    words: _Words
    ramp_s: float | None
    equal_power: bool
    mixing: Mapping[str, Any]
    options: Mapping[str, Any]

    @property
    def how(self) -> Mapping[str, Any]:
        """When it acts, once every word is taken. Raises InvalidInput for what is too much."""
        if self.words.left:
            raise InvalidInput(f"{self.words.action}: {' '.join(self.words.left)} is too much")
        return self.options

    def strip(self, parameter: str, value: float) -> Answer:
        return self.console.channel(
            self.deck, parameter, value, ramp_s=self.ramp_s, equal_power=self.equal_power, **self.how
        )


def _load(hand: _Hand, words: _Words) -> Answer:
    client = hand.client
    track = find_track(words.take("which track"), client.track, lambda: (row.id for row in client.tracks()))
    if words.action == "swap":
        return hand.console.swap(hand.deck, track.id, **hand.how)
    start_s = words.place("a place such as 1:02.5") if words.left else 0.0
    return hand.console.load(hand.deck, track.id, start_s=start_s, **hand.how)


def _cue(hand: _Hand, words: _Words) -> Answer:
    number = words.number("a cue, 1 to 8")
    if number != int(number):
        raise InvalidInput(f"cue: {number:g} is not a cue, 1 to 8")
    action = words.take("go, set or clear") if words.left else "go"
    place = words.place("a place such as 1:02.5") if words.left and action == "set" else None
    return hand.console.cue(hand.deck, int(number), action, position_s=place, **hand.how)


def _loop(hand: _Hand, words: _Words) -> Answer:
    named = words.left[0] if words.left else ""
    if named in ("half", "double"):
        words.left.pop(0)
        return hand.console.scale_loop(hand.deck, 0.5 if named == "half" else 2.0, **hand.how)
    if named in ("exit", "off"):
        words.left.pop(0)
        return hand.console.exit_loop(hand.deck, **hand.how)
    beats = words.number("beats such as 4 or 1/8, half, double or exit")
    start_s = words.place("a place such as 1:02.5") if words.left else None
    return hand.console.loop(hand.deck, beats, start_s=start_s, **hand.how)


def _level(hand: _Hand, words: _Words) -> Answer:
    role = words.take("a role: " + ", ".join(STEM_ROLES))
    level_db = words.number("a level in dB")
    return hand.console.level(hand.deck, role, level_db, ramp_s=hand.ramp_s, **hand.how)


def _role(hand: _Hand, words: _Words) -> Answer:
    role = words.take("a role: " + ", ".join(STEM_ROLES))
    act = hand.console.mute if words.action == "mute" else hand.console.solo
    return act(hand.deck, role, words.is_on(), **hand.how)


def _simple(hand: _Hand, words: _Words) -> Answer:
    act: Callable[..., Answer] = getattr(hand.console, words.action)
    return act(hand.deck, **hand.how)


def _switch(hand: _Hand, words: _Words) -> Answer:
    act: Callable[..., Answer] = getattr(hand.console, words.action)
    return act(hand.deck, words.is_on(), **hand.how)


def _echo(hand: _Hand, words: _Words) -> Answer:
    parameter = words.take("delay, feedback or damping")
    return hand.console.echo(parameter, words.number("a number"), **hand.how)


def _mix(hand: _Hand, words: _Words) -> Answer:
    other = words.take("the other deck")
    options = {name: hand.mixing[name] for name in ("how", "bars", "glide_bars")}
    return hand.console.mix(hand.deck, other, **options, **hand.how)


def _section(hand: _Hand, words: _Words) -> Answer:
    names = words.take("a section: a label, a number, this, next or previous").split(",")
    return hand.console.section(hand.deck, *names, times=hand.mixing["times"], **hand.how)


def _lock(hand: _Hand, words: _Words) -> Answer:
    names = () if words.left[:1] in (["on"], ["off"]) else words.dimensions()
    return hand.console.lock(*names, on=words.is_on(), **hand.how)


def _take(hand: _Hand, words: _Words) -> Answer:
    names = words.dimensions() if words.left and not words.left[0][:1].isdigit() else ()
    timeout_s = words.number("seconds") if words.left else 0.0
    return hand.console.take(*names, timeout_s=timeout_s, **hand.how)


def _move(hand: _Hand, words: _Words) -> Answer:
    name, value = words.take("a dimension such as drums"), words.number("a number")
    jump = words.left == ["jump"] and bool(words.left.pop())
    return hand.console.move(name, value, jump=jump, **hand.how)


def _arc(hand: _Hand, words: _Words) -> Answer:
    said = words.take("points such as 0:0.3,600:0.8, or off")
    return hand.console.arc(() if said == "off" else parse_arc(said), **hand.how)


def _stinger(hand: _Hand, words: _Words) -> Answer:
    return hand.console.stinger(hand.deck, words.take("riser, impact or chop"), **hand.how)


ACTIONS: Final[Mapping[str, Callable[[_Hand, _Words], Answer]]] = {
    "load": _load,
    "swap": _load,
    "play": _simple,
    "pause": _simple,
    "seek": lambda hand, words: hand.console.seek(
        hand.deck, words.place("a place such as 1:02.5"), **hand.how
    ),
    "cue": _cue,
    "loop": _loop,
    "jump": lambda hand, words: hand.console.jump(
        hand.deck, words.number("beats such as +8 or -4"), **hand.how
    ),
    "sync": _switch,
    "lead": _switch,
    "align": _simple,
    "level": _level,
    "mute": _role,
    "solo": _role,
    **dict.fromkeys(
        ("fader", "low", "mid", "high"),
        lambda hand, words: hand.strip(words.action, words.number("a level in dB")),
    ),
    "filter": lambda hand, words: hand.strip("filter", words.number("a knob's place, -1 to 1")),
    "pan": lambda hand, words: hand.strip("pan", words.number("a place, -1 to 1")),
    "send": lambda hand, words: hand.strip("send", words.number("a share, 0 to 1")),
    "slip": _switch,
    "reverse": _switch,
    "keylock": _switch,
    "eject": _simple,
    "tempo": lambda hand, words: hand.console.tempo(hand.deck, words.number("a ratio"), **hand.how),
    "mix": _mix,
    "section": _section,
    "stinger": _stinger,
    "pitch": lambda hand, words: hand.console.pitch(hand.deck, words.number("semitones"), **hand.how),
}
RAMPS: Final = ("level", "fader", "low", "mid", "high", "filter", "pan", "send")
"""The actions that can take their time."""

SESSION_ACTIONS: Final[Mapping[str, Callable[[_Hand, _Words], Answer]]] = {
    "pace": lambda hand, words: hand.console.pace(words.number("beats a minute"), **hand.how),
    "echo": _echo,
    "lock": _lock,
    "take": _take,
    "hand-back": lambda hand, words: hand.console.hand_back(*words.dimensions(), **hand.how),
    "move": _move,
    "arc": _arc,
}


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("session_id", metavar="SESSION")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[DECK ACTION ...]")
@click.option("--at", type=click.Choice(WHENS), default="now", help="When: now, or the next such mark.")
@click.option(
    "--expires",
    type=Seconds(most=3600.0),
    default=0.0,
    help="Wait for the mark so long.  [default: for ever]",
)
@click.option("--over", type=Seconds(most=120.0), help="How long a level takes.  [default: 0.01]")
@click.option("--equal-power", is_flag=True, help="Let two faders that cross keep their power.")
@click.option("--how", type=click.Choice(HOWS), help="How to mix.  [default: as the tracks want it]")
@click.option("--bars", type=click.IntRange(1, 64), help="How long a mix takes.")
@click.option(
    "--glide", type=click.IntRange(1, 64), help="Bars for the other deck to get its own tempo back."
)
@click.option("--times", type=click.IntRange(1, 16), help="How often sections are played.")
@click.option("--wait", is_flag=True, help="Stay until it is in the sound.")
@daemon_option
@json_option
def deck(
    session_id: str,
    words: tuple[str, ...],
    at: str,
    expires: float,
    over: float | None,
    equal_power: bool,
    how: str | None,
    bars: int | None,
    glide: int | None,
    times: int | None,
    wait: bool,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Show the decks of a session, or put a hand on one.

    DECK is A to D, or 1 to 4; `all`, or nothing, for what is done to the session. ACTION is one of:

    \b
      load TRACK [PLACE]      eject                   swap TRACK
      play                    pause                   seek 1:02.5
      cue N [set|clear]       loop 4|1/8|half|double|exit
      jump +8                 sync [off]              lead [off]    align
      level ROLE DB           mute ROLE [off]         solo ROLE [off]
      fader DB                low|mid|high DB         filter -1..1
      pan -1..1               send 0..1               tempo RATIO   pitch N
      slip [off]              reverse [off]           keylock on|off
      mix OTHER_DECK          section LABEL|N|this|next|previous[,...]
      stinger riser|impact|chop
      all pace BPM            all echo delay|feedback|damping X

    In a directed session the mix is held, or moved, by:

    \b
      all lock [NAME,...] [off]       all take [NAME,...] [SECONDS]
      all hand-back [NAME,...]        all move NAME VALUE [jump]
      all arc SECONDS:ENERGY,...|off

    Loading stays until the track is there.
    """  # noqa: D301 (click's own mark)
    from remixd.client import Client

    with Client(daemon) as client:
        if not words:
            _show(client.session(session_id).decks, as_json)
            return
        act, deck_name, parsed = _parse(words)
        if (over is not None or equal_power) and parsed.action not in RAMPS:
            raise InvalidInput(f"{parsed.action} takes no time: --over and --equal-power are for levels")
        _check_options(parsed.action, {"how": how, "bars": bars, "glide": glide}, {"times": times})
        options = {"at": at, "expires_s": expires, "wait": wait or parsed.action in ("load", "swap")}
        mixing = {"how": how or "", "bars": bars or 0, "glide_bars": glide or 0, "times": times or 0}
        with client.console(session_id) as console:
            hand = _Hand(client, console, deck_name, parsed, over, equal_power, mixing, options)
            answer = act(hand, parsed)
    if as_json:
        print_json(answer)
    if not answer.accepted:
        raise InvalidInput(answer.reason or "the command was refused")
    if not as_json:
        print_answer(answer)


def _check_options(action: str, of_mix: Mapping[str, Any], of_section: Mapping[str, Any]) -> None:
    """Raise InvalidInput for options that another action takes."""
    for owner, options in (("mix", of_mix), ("section", of_section)):
        given = [f"--{name}" for name, value in options.items() if value is not None]
        if given and action != owner:
            raise InvalidInput(f"{', '.join(given)}: for {owner}, not for {action}")


def _parse(words: Sequence[str]) -> tuple[Callable[[_Hand, _Words], Answer], str, _Words]:
    """What to do, to which deck, and the words behind it. Raises InvalidInput or NotFound."""
    name, *rest = ("all", *words) if words[0] in SESSION_ACTIONS else words
    known = SESSION_ACTIONS if name in ALL else ACTIONS
    if not rest:
        raise InvalidInput(f"deck {name}: say what to do: {', '.join(known)}")
    action, *left = rest
    if action not in known:
        raise NotFound(f"there is no action {action!r}: {nearest(action, known)}", kind="action", name=action)
    return known[action], "" if name in ALL else name, _Words(action, left)


def _show(decks: Sequence[Deck], as_json: bool) -> None:
    if as_json:
        print_json(decks)
        return
    print_table(
        "no decks",
        ("deck", "state", "track", "position", "bar:beat", "bpm", "tempo", "loop", "is", "moved"),
        [
            (
                each.name, each.state, each.track or (each.loading and f"loading {each.loading}"),
                f"{each.position_s:.1f} s" if each.track else "", each.bar_beat,
                f"{each.bpm:.1f}" if each.bpm else "", f"{each.tempo:.3f}" if each.track else "",
                f"{each.loop_s[0]:.2f}-{each.loop_s[1]:.2f} s" if each.loop_s else "",
                _is(each), _moved(each),
            )
            for each in decks
        ],
    )  # fmt: skip


def _is(deck: Deck) -> str:
    """What is on, in a word each."""
    words = (
        ("leads", deck.leading), ("in sync", deck.synced), ("slips", deck.slipping),
        ("backwards", deck.backwards), ("no key lock", bool(deck.track) and not deck.key_locked),
    )  # fmt: skip
    return ", ".join(word for word, is_on in words if is_on)


def _moved(deck: Deck) -> str:
    """What hands have moved."""
    knobs = {**deck.channel, **deck.levels_db}
    moved = [f"{name}={value:g}" for name, value in knobs.items() if value]
    return " ".join(
        [*moved, *(f"mute={role}" for role in deck.muted), *(f"solo={role}" for role in deck.soloed)]
    )
