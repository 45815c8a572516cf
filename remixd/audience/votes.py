"""The votes of one session's fans, contest by contest. Pure; Thread: [control]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from remixd.audience.crowd import EXPIRES_S, UNVERIFIED_WEIGHT
from remixd.audience.fans import Fan
from remixd.audience.polls import Contest, Outcome

ONCE: Final = ("section",)
"""Contests that begin anew when something has won: it is done, and does not stand."""


class Votes:
    """Contests by name; each begins with its first vote."""

    def __init__(self) -> None:
        self._contests: dict[str, Contest] = {}

    def vote(self, fan: Fan, name: str, option: str, at_s: float) -> Outcome:
        """Let a fan vote, and tell how the contest stands then. Raises Exhausted for too many options."""
        contest = self._contests.get(name) or Contest(name, expires_s=EXPIRES_S)
        contest.vote([fan.slot], [option], 1.0 if fan.verified else UNVERIFIED_WEIGHT, at_s)
        self._contests[name] = contest
        outcome = contest.decide(at_s)
        if outcome.changed and name in ONCE:
            contest.clear("")
        return outcome

    def shares(self, now_s: float) -> dict[str, dict[str, float]]:
        """Of each contest, its options and their shares of the live votes."""
        return {name: dict(contest.decide(now_s).shares) for name, contest in self._contests.items()}

    def withdraw(self, fan: Fan) -> None:
        """Take away the votes of a fan who leaves."""
        for contest in self._contests.values():
            contest.withdraw([fan.slot])

    def to_json(self) -> dict[str, Any]:
        """Every contest, in JSON's types."""
        return {name: contest.to_json() for name, contest in self._contests.items()}

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote. Raises KeyError, TypeError or ValueError."""
        for name, kept in plain.items():
            self._contests[name] = Contest(name, expires_s=EXPIRES_S)
            self._contests[name].restore(kept)
