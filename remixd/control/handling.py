"""From what a hand does on a deck to orders for the engine, within the rights of what is loaded.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from remixd._kernel import mailbox
from remixd.control.action import CHANNEL_KNOBS, ECHO_KNOBS, LEVEL, LOOP_BEATS, PACE, DeckCommand
from remixd.control.command import Clamp, lower
from remixd.control.decks import NEUTRAL_KNOBS, Deck, Decks, Knobs, Loaded
from remixd.control.order import CHANNEL, DIMENSION_INDEX, ECHO, EVERY_DECK, Order
from remixd.errors import InvalidInput
from remixd.mix import WHENS
from remixd.track.rights import VOCALS_ABOVE_DB
from remixd.units import OFF_DB, RATE_HZ, STEM_ROLES, frames_from_seconds

NO_BEATS: Final = "this track has no beats: seconds stand in, .5 a beat and 2 a bar"
ALONE: Final = "the rights of this track do not let vocals be heard alone"


@dataclass(slots=True, kw_only=True)
class Handled:
    """What a command comes to.

    Attributes:
        orders: for the engine; none where there is nothing to do there.
        clamps: what was not given as asked.
        because: what the sender should know of how it will be done.
        done: what to note once the orders are sent.
    """

    orders: list[Order] = field(default_factory=list)
    clamps: tuple[Clamp, ...] = ()
    because: list[str] = field(default_factory=list)
    done: Callable[[], None] = lambda: None


class Handling:
    """One command on its way to becoming orders.

    Args:
        decks: of its session.
        command: but for loading.
        mix: the session's, by dimension.
        behind_frames: from what is heard to the end of what is rendered.
    """

    def __init__(
        self, decks: Decks, command: DeckCommand, mix: Mapping[str, float], behind_frames: int
    ) -> None:
        self._decks = decks
        self._command = command
        self._action = command.action
        self._mix = mix
        self._behind_frames = behind_frames
        self._deck = decks.all[command.deck] if command.deck >= 0 else decks.all[0]

    def handle(self) -> Handled:
        """The orders. Raises InvalidInput, in a sentence, for what cannot be."""
        handled: Handled = getattr(self, f"_{self._action.verb}")()
        if self._command.at != "now":
            self._tell_marks(handled)
        return handled

    def _tell_marks(self, handled: Handled) -> None:
        if (reference := self._decks.reference(self._command.deck)) is None:
            handled.because.append(
                f"nothing plays: it waits until something does, and its {self._command.at}"
            )
        elif not reference.has_beats:
            handled.because.append(f"deck {reference.name}: {NO_BEATS}")

    @property
    def _loaded(self) -> Loaded:
        if self._deck.loaded is None:
            raise InvalidInput(f"nothing is loaded on deck {self._deck.name}", field="deck")
        return self._deck.loaded

    def _order(self, kind: int, value: float = 0.0, **more: Any) -> Order:
        sample = self._decks.sample
        expires = sample + frames_from_seconds(self._command.expires_s) if self._command.expires_s else 0
        when = WHENS.index(self._command.at)
        words = {"deck": self._deck.index, "when": when, "expires": expires, **more}
        return Order(kind=kind, value=value, **words)

    def _simple(self, kind: int, value: float = 0.0, **more: Any) -> Handled:
        loaded = self._loaded
        handled = Handled(orders=[self._order(kind, value, **more)])
        if kind in (mailbox.LOOP, mailbox.JUMP, mailbox.SCALE) and not loaded.beats.heard:
            handled.because.append(f"deck {self._deck.name}: {NO_BEATS}")
        return handled

    def _frame(self, seconds: float) -> int:
        """A place in the song. Raises InvalidInput for one outside."""
        loaded = self._loaded
        frame = frames_from_seconds(seconds)
        if not 0 <= frame < loaded.frames:
            raise InvalidInput(
                f"{seconds:g} s is outside the song on deck {self._deck.name}: "
                f"it lasts {loaded.track.duration_s:.3f} s",
                field="position_s",
            )
        return frame

    def _knobs(self, handled: Handled, **changed: Any) -> Handled:
        """Note what a hand has done, once it is sent."""
        deck = self._deck

        def done() -> None:
            deck.knobs = replace(deck.knobs, **changed)

        handled.done = done
        return handled

    # Transport

    def _play(self) -> Handled:
        return self._simple(mailbox.PLAY)

    def _pause(self) -> Handled:
        return self._simple(mailbox.PAUSE)

    def _seek(self) -> Handled:
        return self._simple(mailbox.SEEK, self._frame(self._action.value))

    def _jump(self) -> Handled:
        return self._simple(mailbox.JUMP, self._action.value)

    def _align(self) -> Handled:
        self._need_beats("is aligned to no beat")
        return self._simple(mailbox.ALIGN)

    def _loop(self) -> Handled:
        start = -1.0 if self._action.start_s is None else float(self._frame(self._action.start_s))
        return self._knobs(self._simple(mailbox.LOOP, self._action.value, extra=start), looping=True)

    def _scale(self) -> Handled:
        entry = self._deck.entry
        if not self._deck.knobs.looping and not (entry and entry.looping):
            raise InvalidInput(f"deck {self._deck.name} has no loop", field="deck")
        handled = self._simple(mailbox.SCALE, self._action.value)
        if entry and entry.looping:
            interval = self._loaded.beats.interval(entry.loop_start)
            beats = (entry.loop_end - entry.loop_start) / interval * self._action.value
            if not LOOP_BEATS[0] * 0.99 <= beats <= LOOP_BEATS[1] * 1.01:
                raise InvalidInput(f"a loop is 1/8 to 32 beats: this one would be {beats:.4g}", field="value")
        return handled

    def _exit(self) -> Handled:
        return self._knobs(self._simple(mailbox.EXIT), looping=False)

    def _slip(self) -> Handled:
        on = self._action.on
        return self._knobs(self._simple(mailbox.SLIP, float(on)), slipping=on)

    def _reverse(self) -> Handled:
        on = self._action.on
        return self._knobs(self._simple(mailbox.REVERSE, float(on)), backwards=on)

    def _keylock(self) -> Handled:
        return self._simple(mailbox.KEYLOCK, float(self._action.on))

    def _cue(self) -> Handled:
        loaded, number = self._loaded, int(self._action.value) - 1
        cues = list(self._decks.cues_of(loaded))
        if self._action.name == "go":
            place = cues[number]
            if place is None:
                raise InvalidInput(f"cue {number + 1} of deck {self._deck.name} is not set", field="number")
            return self._go(place)
        cues[number] = self._cue_place(loaded) if self._action.name == "set" else None
        decks = self._decks

        def done() -> None:
            decks.cues[loaded.track.id] = tuple(cues)

        return Handled(done=done)

    def _cue_place(self, loaded: Loaded) -> int:
        """Where a cue is set: what is heard now, or what was named; on the nearest mark, if one is asked."""
        if self._action.start_s is not None:
            frame = float(self._frame(self._action.start_s))
        else:
            entry = self._deck.entry
            moved = self._behind_frames * entry.tempo if entry and entry.playing else 0.0
            frame = self._deck.frame + (moved if entry and entry.backwards else -moved)
            frame = frame % loaded.frames if loaded.loops else frame
        if self._command.at != "now":
            frame = loaded.beats.nearest(WHENS.index(self._command.at), frame)
        return min(max(round(frame), 0), loaded.frames - 1)

    def _go(self, place: int) -> Handled:
        """To a cue, and play from there. What rests is put there at once, to begin at its mark."""
        if self._deck.is_playing:
            return self._simple(mailbox.SEEK, place)
        return Handled(orders=[self._order(mailbox.SEEK, place, when=0), self._order(mailbox.PLAY)])

    # Beats

    def _need_beats(self, what: str) -> None:
        if not self._loaded.beats.heard:
            raise InvalidInput(f"deck {self._deck.name} {what}: its track has no beats", field="deck")

    def _sync(self) -> Handled:
        if self._action.on:
            self._need_beats("follows nothing")
        handled = self._simple(mailbox.SYNC, float(self._action.on))
        if self._action.on and self._deck.is_playing and self._deck.is_silent:
            handled.orders.append(self._order(mailbox.ALIGN))
            handled.because.append(f"deck {self._deck.name} is not heard: it jumps into the beat")
        return handled

    def _lead(self) -> Handled:
        if self._action.on:
            self._need_beats("cannot lead")
        return self._simple(mailbox.LEAD, float(self._action.on))

    def _pace(self) -> Handled:
        value, clamps = PACE.clamp("pace", self._action.value)
        return Handled(orders=[self._order(mailbox.PACE, value, deck=EVERY_DECK)], clamps=clamps)

    def _tempo(self) -> Handled:
        return self._bend("tempo")

    def _pitch(self) -> Handled:
        return self._bend("pitch")

    def _bend(self, name: str) -> Handled:
        track = self._loaded.track
        lowered = lower({name: self._action.value}, self._mix, track.rights, track.roles)
        value = lowered.values[name]
        order = self._order(mailbox.MIX, value, dimension=DIMENSION_INDEX[name])
        clamps = tuple(clamp for clamp in lowered.clamps if clamp.dimension == name)
        handled = self._knobs(Handled(orders=[order], clamps=clamps), **{name: value})
        if name == "tempo" and self._deck.entry and self._deck.entry.following:
            handled.because.append(f"deck {self._deck.name} follows the session's beat until it is let go")
        return handled

    # Strips

    def _channel(self) -> Handled:
        name, action = self._action.name, self._action
        value, clamps = CHANNEL_KNOBS[name].clamp(name, action.value)
        order = self._order(
            mailbox.STRIP, value, dimension=CHANNEL.index(name), shape=int(action.equal_power),
            ramp_frames=frames_from_seconds(action.ramp_s),
        )  # fmt: skip
        channel = MappingProxyType({**self._deck.knobs.channel, name: value})
        return self._knobs(Handled(orders=[order], clamps=clamps), channel=channel)

    def _echo(self) -> Handled:
        name = self._action.name
        value, clamps = ECHO_KNOBS[name].clamp(f"echo {name}", self._action.value)
        told = value * RATE_HZ if name == "delay" else value
        order = self._order(mailbox.ECHO, told, deck=EVERY_DECK, dimension=ECHO.index(name))
        return Handled(orders=[order], clamps=clamps)

    def _level(self) -> Handled:
        role = self._role()
        asked, clamps = LEVEL.clamp(f"{role} level", self._action.value)
        given, because = self._within_rights(role, asked)
        if because:
            clamps = (Clamp(dimension=f"{role} level", asked=asked, given=given, because=because),)
        levels = MappingProxyType({**self._deck.knobs.levels_db, role: given})
        return self._strips(replace(self._deck.knobs, levels_db=levels), clamps)

    def _within_rights(self, role: str, asked: float) -> tuple[float, str]:
        """A level at which a role stays in the range that rights give it, and why if not as asked."""
        rights, given = self._loaded.track.rights, self._mix[role]
        low, high = rights.range(role)
        least, most = (low - given if low > OFF_DB else OFF_DB), max(high - given, OFF_DB)
        allowed = min(max(asked, least), most)
        never = f", and never mute {role}" if role in rights.never_mute else ""
        why = f"with the mix at {given:g} dB the rights of this track allow {least:g} to {most:g} dB{never}"
        return allowed, why if allowed != asked else ""

    def _role(self) -> str:
        role, roles = self._action.name, self._loaded.track.roles
        if role not in roles:
            raise InvalidInput(
                f"deck {self._deck.name} plays no {role}: it has {', '.join(roles)}", field="role"
            )
        return role

    def _mute(self) -> Handled:
        role, muted = self._role(), self._deck.knobs.muted
        if self._action.on and role in self._loaded.track.rights.never_mute:
            raise InvalidInput(f"the rights of this track never mute {role}", field="role")
        return self._strips(
            replace(self._deck.knobs, muted=muted | {role} if self._action.on else muted - {role})
        )

    def _solo(self) -> Handled:
        role, soloed = self._role(), self._deck.knobs.soloed
        knobs = replace(self._deck.knobs, soloed=soloed | {role} if self._action.on else soloed - {role})
        loaded = self._loaded
        silent = [each for each in loaded.track.rights.never_mute if knobs.level_db(each) <= OFF_DB]
        if self._action.on and silent:
            raise InvalidInput(f"the rights of this track never mute {', '.join(silent)}", field="role")
        if self._action.on and self._is_alone(knobs) and not self._band_elsewhere():
            raise InvalidInput(ALONE, field="role")
        return self._strips(knobs)

    def _is_alone(self, knobs: Knobs) -> bool:
        """Whether vocals would be heard without anything else of their track, against its rights."""
        track = self._loaded.track
        others = [role for role in track.roles if role != "vocals"]
        if track.rights.vocals_solo or "vocals" not in track.roles or not others:
            return False
        return knobs.level_db("vocals") > OFF_DB and all(knobs.level_db(role) <= OFF_DB for role in others)

    def _band_elsewhere(self) -> bool:
        """Whether another deck has a band that may carry the vocals of this one."""
        return self._loaded.track.rights.mash_ups and any(
            deck is not self._deck and deck.loaded and deck.loaded.track.rights.mash_ups
            and any(role != "vocals" for role in deck.loaded.track.roles)
            for deck in self._decks.all
        )  # fmt: skip

    def _strips(self, knobs: Knobs, clamps: tuple[Clamp, ...] = ()) -> Handled:
        """Orders for the roles that change; vocals that rights hold are told."""
        roles, before = self._loaded.track.roles, self._deck.knobs
        changed = {
            role: level for role, level in knobs.levels(roles).items() if level != before.level_db(role)
        }
        ramp_frames = frames_from_seconds(self._action.ramp_s)
        handled = Handled(
            orders=[
                self._order(mailbox.LEVEL, level, dimension=STEM_ROLES.index(role), ramp_frames=ramp_frames)
                for role, level in changed.items()
            ],
            clamps=clamps,
        )
        if self._is_alone(knobs) and not self._is_alone(before):
            because = (
                f"{ALONE}: they are held to {VOCALS_ABOVE_DB:g} dB above the loudest other role that sounds"
            )
            handled.because.append(because if self._band_elsewhere() else ALONE)
        return self._knobs(handled, levels_db=knobs.levels_db, muted=knobs.muted, soloed=knobs.soloed)

    # Loading

    def _eject(self) -> Handled:
        order = self._simple(mailbox.EJECT).orders[0]
        return fresh(self._deck, order)


def fresh(deck: Deck, order: Order) -> Handled:
    """What brings another track onto a deck, or takes it off: mutes, solos and levels go with the old one."""
    levels = [
        replace(order, kind=mailbox.LEVEL, value=0.0, extra=0.0, dimension=STEM_ROLES.index(role), sample=-1)
        for role in STEM_ROLES
        if deck.knobs.level_db(role) != 0.0
    ]

    def done() -> None:
        deck.knobs = replace(
            NEUTRAL_KNOBS, channel=deck.knobs.channel, tempo=deck.knobs.tempo, pitch=deck.knobs.pitch
        )

    return Handled(orders=[order, *levels], done=done)


def loading(deck: Deck, command: DeckCommand, loaded: Loaded, sample: int) -> Handled:
    """The orders that bring what lies ready in the engine onto a deck."""
    expires = sample + frames_from_seconds(command.expires_s) if command.expires_s else 0
    swap = command.action.verb in ("swap", "choose")
    order = Order(
        kind=mailbox.SWAP if swap else mailbox.LOAD,
        deck=deck.index,
        extra=loaded.key,
        value=0.0 if swap else frames_from_seconds(command.action.start_s or 0.0),
        when=WHENS.index(command.at),
        expires=expires,
    )
    return Handled(orders=[order]) if swap else fresh(deck, order)
