"""What is chosen beside the mix: another language or version, presets, where the song goes on.

One fan's choice is done as soon as it can be. A crowd votes: a fan has one vote a contest; what wins is done.
Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from remixd.audience.signal import CHOICES, Signal
from remixd.control.action import Action, DeckCommand
from remixd.control.command import Answer
from remixd.control.presets import Pick
from remixd.control.reception import AGAIN
from remixd.control.session import Session
from remixd.control.swaps import swap_for
from remixd.director.preset_files import load_blend
from remixd.errors import Exhausted, InvalidInput, NotFound, nearest
from remixd.track.package import Track


class Expect(Protocol):
    """Has a track made ready for a command that loads it; one that starts over at its end, or not."""

    def __call__(self, session: Session, command: DeckCommand, track: Track, loop: bool) -> Answer:
        """The first answer."""


class Choosing:
    """Does what fans choose.

    Args:
        get: a track by its id, as the library has it.
        expect: has a track made ready.
        pick: goes to other presets.
    """

    def __init__(
        self, get: Callable[[str], Track], expect: Expect, pick: Callable[[Session, Pick], Answer]
    ) -> None:
        self._get = get
        self._expect = expect
        self._pick = pick

    def answers_to(self, signals: Sequence[Signal], session: Session) -> list[Answer]:
        """The first answers to a batch, in its order: wishes are received together, choices one by one."""
        wishes = [signal for signal in signals if not signal.choices]
        answers = iter(session.receive(wishes) if wishes else ())
        return [self._choose(signal, session) if signal.choices else next(answers) for signal in signals]

    def _choose(self, signal: Signal, session: Session) -> Answer:
        audience, at_s = session.desk.audience, session.desk.clock.at_s
        if audience.knows(signal):
            return Answer(id=signal.id, accepted=True, duplicate=True, because=AGAIN)
        [(name, option)] = signal.choices.items()
        try:
            self._check(signal, session)
            fan = audience.take(signal, {}, at_s - signal.age_s)
        except (InvalidInput, NotFound, Exhausted) as error:
            return Answer(id=signal.id, accepted=False, reason=str(error))
        try:
            if not (session.desk.directing and audience.is_crowd):
                return self._try(signal, session)
            before = audience.votes.standing(name)
            outcome = audience.votes.vote(fan, name, option, at_s)
        except Exhausted as error:
            audience.disown(signal)
            return Answer(id=signal.id, accepted=False, reason=str(error))
        if outcome.changed:  # what others' votes that are over kept from winning may win by this one
            answer = self._try(replace(signal, choices={name: outcome.standing}), session)
            if not answer.accepted:
                audience.votes.take_back(name, before)
            return answer
        share = outcome.shares.get(option, 0.0)
        stands = f"; {outcome.standing} stands" if outcome.standing else ""
        told = f"{name} {option} has {share:.0%} of {outcome.fans} votes{stands}"
        session.desk.tell_done(signal.id, told)
        return Answer(id=signal.id, accepted=True, because=told)

    def _try(self, signal: Signal, session: Session) -> Answer:
        """Do what is chosen; who chose what cannot be done may choose it again under the same id."""
        try:
            answer = self._do(signal, session)
        except (InvalidInput, NotFound, Exhausted) as error:
            answer = Answer(id=signal.id, accepted=False, reason=str(error))
        if not answer.accepted:
            session.desk.audience.disown(signal)
        return answer

    def _check(self, signal: Signal, session: Session) -> None:
        """Raise InvalidInput or NotFound for what could not be done even if all wanted it."""
        [contest] = signal.choices
        if contest not in CHOICES:
            hint = nearest(contest, CHOICES)
            raise NotFound(f"there is no choice {contest!r}: {hint}", kind="choice", name=contest)
        match dict(signal.choices):
            case {"preset": name}:
                load_blend(Pick(id=signal.id, weights={name: 1.0}).weights)
            case {"section": name}:
                session.desk.sections.check(name)
            case _ if session.desk.decks.shown.loaded is None:
                raise InvalidInput("nothing is loaded that could be swapped", field="choices")

    def _do(self, signal: Signal, session: Session) -> Answer:
        match dict(signal.choices):
            case {"preset": name}:
                return self._pick(session, Pick(id=signal.id, weights={name: 1.0}))
            case {"section": name}:
                deck = session.desk.decks.shown.index
                return session.go_to(
                    DeckCommand(id=signal.id, deck=deck, action=Action(verb="section", name=name))
                )
        swap = swap_for(signal, session.desk.decks.shown, self._get)
        return self._expect(session, swap.command, swap.track, swap.loops)
