"""What hands can do on decks: one method an action, whatever waits for the answer."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final, Generic, TypedDict, TypeVar, Unpack

from remixd.audience.arc import check_arc
from remixd.client._convert import CHANNEL, ROLES, when_to_proto
from remixd.director.transitions import HOWS
from remixd.errors import InvalidInput, NotFound, nearest
from remixd.mix import dimension
from remixd.track.roles import check_role
from remixd.v1 import common_pb2
from remixd.v1 import console_pb2 as pb

R = TypeVar("R")

STINGERS: Final = ("riser", "impact", "chop")

ECHO: Final = ("delay", "feedback", "damping")


def _number(names: tuple[str, ...], name: str) -> int:
    if name not in names:
        raise NotFound(f"there is no parameter {name!r}: {nearest(name, names)}", kind="parameter", name=name)
    return names.index(name) + 1


class How(TypedDict, total=False):
    """When a command acts, and how long its sender stays.

    Attributes:
        at: "now", or the next "beat", "bar", "phrase" or "section".
        expires_s: how long it waits for its mark, in seconds of sound; 0 for ever.
        wait: whether to stay until it is in the sound.
    """

    at: str
    expires_s: float
    wait: bool


class Hands(ABC, Generic[R]):
    """Everything that can be done on the decks of a session. `deck` is "A" to "D", or 1 to 4; see `How`."""

    @abstractmethod
    def _send(self, command: pb.DeckCommand, wait: bool) -> R:
        """Send a command, and give what its sender gets."""

    def _do(self, deck: str | int, how: How, **action: Any) -> R:
        at, expires_s = when_to_proto(how.get("at", "now")), how.get("expires_s", 0.0)
        try:
            command = pb.DeckCommand(
                id=uuid.uuid4().hex, deck=str(deck), at=at, expires_s=expires_s, **action
            )
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{next(iter(action))} cannot be sent: {error}") from None
        return self._send(command, how.get("wait", False))

    # Transport

    def load(self, deck: str | int, track: str, *, start_s: float = 0.0, **how: Unpack[How]) -> R:
        """Put a track on a deck, at rest; its first load may wait for its cache."""
        how.setdefault("wait", True)
        load = pb.Load(track=track, start_s=start_s)
        return self._do(deck, how, load=load)

    def swap(self, deck: str | int, track: str, **how: Unpack[How]) -> R:
        """Go on in another version of the same music, at the same place, crossfaded."""
        how.setdefault("wait", True)
        load = pb.Load(track=track, keep_place=True)
        return self._do(deck, how, load=load)

    def eject(self, deck: str | int, **how: Unpack[How]) -> R:
        """Take the track off."""
        return self._do(deck, how, eject=pb.Eject())

    def play(self, deck: str | int, **how: Unpack[How]) -> R:
        """Play from where it rests."""
        return self._do(deck, how, play=pb.Play())

    def pause(self, deck: str | int, **how: Unpack[How]) -> R:
        """Rest."""
        return self._do(deck, how, pause=pb.Pause())

    def seek(self, deck: str | int, position_s: float, **how: Unpack[How]) -> R:
        """Go to a place, in seconds of the song."""
        return self._do(deck, how, seek=pb.Seek(position_s=position_s))

    def cue(
        self,
        deck: str | int,
        number: int,
        action: str = "go",
        *,
        position_s: float | None = None,
        **how: Unpack[How],
    ) -> R:
        """Go to hot cue 1 to 8 and play, or "set" or "clear" it; set at what is heard, or at `position_s`."""
        actions = {"go": pb.CUE_ACTION_GO, "set": pb.CUE_ACTION_SET, "clear": pb.CUE_ACTION_CLEAR}
        if action not in actions:
            raise NotFound(f"there is no cue action {action!r}: {nearest(action, actions)}")
        cue = pb.Cue(number=number, action=actions[action], position_s=position_s)
        return self._do(deck, how, cue=cue)

    def jump(self, deck: str | int, beats: float, **how: Unpack[How]) -> R:
        """Go beats on, or, below 0, back."""
        return self._do(deck, how, jump=pb.Jump(length_beats=beats))

    def loop(self, deck: str | int, beats: float, *, start_s: float | None = None, **how: Unpack[How]) -> R:
        """Loop over 1/8 to 32 beats, from here or from `start_s`."""
        loop = pb.Loop(length_beats=beats, start_s=start_s)
        return self._do(deck, how, loop=loop)

    def scale_loop(self, deck: str | int, factor: float, **how: Unpack[How]) -> R:
        """Make the loop longer or shorter: .5 halves it."""
        return self._do(deck, how, scale_loop=pb.ScaleLoop(factor=factor))

    def exit_loop(self, deck: str | int, **how: Unpack[How]) -> R:
        """Leave the loop."""
        return self._do(deck, how, exit_loop=pb.ExitLoop())

    def slip(self, deck: str | int, on: bool = True, **how: Unpack[How]) -> R:
        """While on, what is done is undone by turning it off: the song is where it would be."""
        return self._do(deck, how, slip=pb.Switch(off=not on))

    def reverse(self, deck: str | int, on: bool = True, **how: Unpack[How]) -> R:
        """Play backwards, or forwards again."""
        return self._do(deck, how, reverse=pb.Switch(off=not on))

    def keylock(self, deck: str | int, on: bool = True, **how: Unpack[How]) -> R:
        """Whether the pitch stays when the tempo moves."""
        return self._do(deck, how, key_lock=pb.Switch(off=not on))

    # Beats

    def sync(self, deck: str | int, on: bool = True, **how: Unpack[How]) -> R:
        """Follow the session's beat, or not."""
        return self._do(deck, how, sync=pb.Switch(off=not on))

    def lead(self, deck: str | int, on: bool = True, **how: Unpack[How]) -> R:
        """Be what others follow, or not."""
        return self._do(deck, how, lead=pb.Switch(off=not on))

    def align(self, deck: str | int, **how: Unpack[How]) -> R:
        """Go to the nearest place at which its beat is the session's."""
        return self._do(deck, how, align=pb.Align())

    def tempo(self, deck: str | int, ratio: float, **how: Unpack[How]) -> R:
        """The tempo of this deck alone, as a ratio of its song's."""
        return self._do(deck, how, tempo=pb.Tempo(ratio=ratio))

    def pitch(self, deck: str | int, semitones: float, **how: Unpack[How]) -> R:
        """The pitch of this deck alone."""
        return self._do(deck, how, pitch=pb.Pitch(semitones=semitones))

    def pace(self, bpm: float, **how: Unpack[How]) -> R:
        """The session's own beat, which decks in sync follow; from here on none leads."""
        return self._do("", how, pace=pb.Pace(bpm=bpm))

    # Strips

    def level(
        self, deck: str | int, role: str, level_db: float, *, ramp_s: float | None = None, **how: Unpack[How]
    ) -> R:
        """How loud a role is on this deck, in dB; -60 is off."""
        level = pb.Level(role=ROLES[check_role(role)], level_db=level_db, ramp_s=ramp_s)
        return self._do(deck, how, level=level)

    def mute(self, deck: str | int, role: str, on: bool = True, **how: Unpack[How]) -> R:
        """Take a role out, or let it in again."""
        switch = pb.RoleSwitch(role=ROLES[check_role(role)], off=not on)
        return self._do(deck, how, mute=switch)

    def solo(self, deck: str | int, role: str, on: bool = True, **how: Unpack[How]) -> R:
        """Take out what is not in solo, within rights."""
        switch = pb.RoleSwitch(role=ROLES[check_role(role)], off=not on)
        return self._do(deck, how, solo=switch)

    def channel(
        self,
        deck: str | int,
        parameter: str,
        value: float,
        *,
        ramp_s: float | None = None,
        equal_power: bool = False,
        **how: Unpack[How],
    ) -> R:
        """Move fader, low, mid or high (dB), pan or filter (-1 to 1), or send (0 to 1)."""
        channel = pb.Channel(
            parameter=_number(CHANNEL, parameter),  # type: ignore[arg-type]  # an enum's number
            value=value, ramp_s=ramp_s, equal_power=equal_power,
        )  # fmt: skip
        return self._do(deck, how, channel=channel)

    def fader(
        self,
        deck: str | int,
        level_db: float,
        *,
        ramp_s: float | None = None,
        equal_power: bool = False,
        **how: Unpack[How],
    ) -> R:
        """Move the fader, in dB; two that cross at `equal_power` are a crossfade."""
        return self.channel(deck, "fader", level_db, ramp_s=ramp_s, equal_power=equal_power, **how)

    def eq(
        self, deck: str | int, band: str, level_db: float, *, ramp_s: float | None = None, **how: Unpack[How]
    ) -> R:
        """Turn the low, mid or high band, in dB; -60 is off."""
        if band not in CHANNEL[2:5]:
            raise NotFound(
                f"there is no band {band!r}: {nearest(band, CHANNEL[2:5])}", kind="band", name=band
            )
        return self.channel(deck, band, level_db, ramp_s=ramp_s, **how)

    def filter(self, deck: str | int, knob: float, *, ramp_s: float | None = None, **how: Unpack[How]) -> R:
        """Sweep the filter: -1 is a low-pass at 60 Hz, 0 none, 1 a high-pass at 8 kHz."""
        return self.channel(deck, "filter", knob, ramp_s=ramp_s, **how)

    def pan(self, deck: str | int, place: float, *, ramp_s: float | None = None, **how: Unpack[How]) -> R:
        """Put it left, -1, to right, 1."""
        return self.channel(deck, "pan", place, ramp_s=ramp_s, **how)

    def send(self, deck: str | int, share: float, *, ramp_s: float | None = None, **how: Unpack[How]) -> R:
        """Give the echo a share of it, 0 to 1, taken before the fader."""
        return self.channel(deck, "send", share, ramp_s=ramp_s, **how)

    def mix(
        self, deck: str | int, to: str | int, *, how: str = "", bars: int = 0, glide_bars: int = 0,
        **when: Unpack[How],
    ) -> R:  # fmt: skip
        """Go over to another deck: crossfade, bass-swap, stem-swap, echo-out or cut; else by the rules."""
        if how and how not in HOWS:
            raise NotFound(f"there is no way to mix {how!r}: {nearest(how, HOWS)}", kind="how", name=how)
        number = HOWS.index(how) + 1 if how else 0
        mix = {"to": str(to), "how": number, "length_bars": bars, "glide_bars": glide_bars}
        return self._do(deck, when, mix=mix)

    def section(self, deck: str | int, *names: str | int, times: int = 0, **how: Unpack[How]) -> R:
        """Go to sections by label or number, or "this", "next", "previous", in turn."""
        sections = pb.GoToSections(names=[str(name) for name in names], times=times)
        return self._do(deck, how, sections=sections)

    def stinger(self, deck: str | int, kind: str, **how: Unpack[How]) -> R:
        """Fire a riser, an impact or a chop of the vocals, to land on the next mark, a bar by itself."""
        if kind not in STINGERS:
            raise NotFound(
                f"there is no stinger {kind!r}: {nearest(kind, STINGERS)}", kind="stinger", name=kind
            )
        stinger = pb.Stinger(kind=STINGERS.index(kind) + 1)  # type: ignore[arg-type]  # its number
        return self._do(deck, how, stinger=stinger)

    def echo(self, parameter: str, value: float, **how: Unpack[How]) -> R:
        """Move the session's echo: delay (s), feedback (0 to .9) or damping (Hz)."""
        echo = pb.Echo(parameter=_number(ECHO, parameter), value=value)  # type: ignore[arg-type]  # its number
        return self._do("", how, echo=echo)

    # What fans may move

    def lock(self, *dimensions: str, on: bool = True, **how: Unpack[How]) -> R:
        """Hold dimensions of the session's mix where they are, or let go; none named: all of them."""
        return self._do("", how, lock=pb.Lock(dimensions=_checked(dimensions), off=not on))

    def take(self, *dimensions: str, timeout_s: float = 0.0, **how: Unpack[How]) -> R:
        """Take dimensions away from the fans, for good or for so long; none named: all of them."""
        return self._do("", how, take=pb.Take(dimensions=_checked(dimensions), timeout_s=timeout_s))

    def hand_back(self, *dimensions: str, **how: Unpack[How]) -> R:
        """Give dimensions back to the fans; none named: all of them."""
        return self._do("", how, hand_back=pb.HandBack(dimensions=_checked(dimensions)))

    def move(self, name: str, value: float, *, jump: bool = False, **how: Unpack[How]) -> R:
        """Move a dimension as the DJ, once the value comes past where the mix is; or, to `jump`, at once."""
        return self._do("", how, move=pb.Move(dimension=dimension(name).name, value=value, jump=jump))

    def arc(self, points: Iterable[tuple[float, float]] = (), **how: Unpack[How]) -> R:
        """How lively it is to be from now on: seconds, rising, and energy, 0 to 1; none ends it."""
        said = [common_pb2.ArcPoint(after_s=at_s, energy=energy) for at_s, energy in check_arc(points)]
        return self._do("", how, arc=pb.Arc(points=said))


def _checked(names: Iterable[str]) -> list[str]:
    return [dimension(name).name for name in names]
