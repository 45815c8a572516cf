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

    def standing(self, name: str) -> str:
        """The option that stands in a contest; empty for none."""
        contest = self._contests.get(name)
        return contest.standing if contest else ""

    def take_back(self, name: str, standing: str) -> None:
        """What won cannot be done: what stood before stands, and the next vote lets it win anew."""
        self._contests[name].standing = standing

    def shares(self, now_s: float, fans_min: int = 0) -> dict[str, dict[str, float]]:
        """Of each contest with so many live votes, its options and their shares; nothing wins by asking."""
        tallies = {name: contest.tally(now_s) for name, contest in self._contests.items()}
        return {name: shares for name, (shares, fans) in tallies.items() if fans >= fans_min}

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
