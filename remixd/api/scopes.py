"""What each call needs, in one table. Pure; Thread: [control]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

SCOPES: Final = ("listener", "dj", "create", "admin", "join")
"""What a token may be for: a fan; who performs; an app's own backend, that opens sessions; everything; or, of
an invitation, to become a fan and nothing else."""

FANS_ONLY: Final = frozenset(("listener", "join"))
"""Who has no more than these is a fan."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a call needs.

    Attributes:
        scopes: one of these is enough; `admin` always is.
        is_audited: whether it is written down who did it.
    """

    scopes: frozenset[str]
    is_audited: bool = False


_ANYBODY: Final = Rule(frozenset(("listener", "dj")))
_DJ_AUDITED: Final = Rule(frozenset(("dj",)), is_audited=True)
_CREATE: Final = Rule(frozenset(("create",)), is_audited=True)
_CREATOR_TOO: Final = Rule(frozenset(("listener", "dj", "create")))
_ADMIN_READS: Final = Rule(frozenset())
_ADMIN: Final = Rule(frozenset(), is_audited=True)

RULES: Final[Mapping[str, Rule]] = {
    "/remixd.v1.Audience/ExplainMix": _ANYBODY,
    "/remixd.v1.Audience/ForgetFan": Rule(frozenset(("listener", "dj")), is_audited=True),
    "/remixd.v1.Audience/GetCrowd": _ANYBODY,
    "/remixd.v1.Audience/GetTaste": _ANYBODY,
    "/remixd.v1.Audience/PlanMix": _ANYBODY,
    "/remixd.v1.Audience/SendSignals": _ANYBODY,
    "/remixd.v1.Audience/StreamSignals": _ANYBODY,
    "/remixd.v1.Audience/UndoSignal": _ANYBODY,
    "/remixd.v1.Console/Perform": _DJ_AUDITED,
    "/remixd.v1.Presets/DeletePreset": _ADMIN,
    "/remixd.v1.Presets/GetPreset": _CREATOR_TOO,
    "/remixd.v1.Presets/ListPresets": _CREATOR_TOO,
    "/remixd.v1.Presets/PickPresets": _DJ_AUDITED,
    "/remixd.v1.Presets/SavePreset": _ADMIN,
    "/remixd.v1.Sessions/CreateJoinToken": _DJ_AUDITED,
    "/remixd.v1.Sessions/CreateSession": _CREATE,
    "/remixd.v1.Sessions/DeleteSession": _CREATE,
    "/remixd.v1.Sessions/GetSession": _CREATOR_TOO,
    "/remixd.v1.Sessions/Join": Rule(frozenset(("join",))),
    "/remixd.v1.Sessions/ListSessions": _CREATOR_TOO,
    "/remixd.v1.Sessions/Listen": _ANYBODY,
    "/remixd.v1.Sessions/Panic": _DJ_AUDITED,
    "/remixd.v1.Sessions/Watch": _ANYBODY,
    "/remixd.v1.Stats/GetStats": _ADMIN_READS,
    "/remixd.v1.Stats/GetTrace": Rule(frozenset(("dj",))),
    "/remixd.v1.Stats/WatchStats": _ADMIN_READS,
    "/remixd.v1.Tracks/DeleteTrack": _ADMIN,
    "/remixd.v1.Tracks/EditTrack": _ADMIN,
    "/remixd.v1.Tracks/GetOverview": Rule(frozenset(("dj", "create"))),
    "/remixd.v1.Tracks/GetTrack": Rule(frozenset(("dj", "create"))),
    "/remixd.v1.Tracks/ImportTrack": _ADMIN,
    "/remixd.v1.Tracks/ListTracks": Rule(frozenset(("dj", "create"))),
}
"""Of every method, `/package.Service/Method`. What has no entry is not served."""

OPERATOR: Final = "/remixd.v1.Stats/GetStats"
"""What comes by another way, such as `/metrics`, is for those who may call this."""


def check_rules(methods: Iterable[str], rules: Mapping[str, Rule] = RULES) -> None:
    """Raise LookupError unless each method that is served has its rule, and each rule its method."""
    served = set(methods)
    if lacking := served - rules.keys():
        raise LookupError(f"nobody decided who may call {', '.join(sorted(lacking))}: see RULES")
    if unknown := rules.keys() - served:
        raise LookupError(f"RULES knows {', '.join(sorted(unknown))}, which are not served")
