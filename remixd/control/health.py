"""Whether the daemon can do its work. Thread: [control]."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor
from remixd.errors import Unavailable
from remixd.track.library import Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the daemon is.

    Attributes:
        live: it answers.
        ready: a new session would play.
        engine: `plays`, or why none does.
        library: `open`, or what is wrong with it.
        draining: why no new sessions are taken; empty while they are.
    """

    live: bool
    ready: bool
    engine: str
    library: str
    draining: str

    def to_json(self) -> dict[str, Any]:
        """The same in JSON's types."""
        return asdict(self)


def health_of(library: Library, supervisor: Supervisor, sessions: Sessions) -> Health:
    """Look; it takes microseconds."""
    engine, found = "plays", "open"
    try:
        _ = supervisor.engines
    except Unavailable as error:
        engine = str(error)
    if not (library.path / "library.db").is_file():
        found = "its list is no longer there: is the disk gone?"
    draining = sessions.admission.closed
    ready = engine == "plays" and found == "open" and not draining
    return Health(live=True, ready=ready, engine=engine, library=found, draining=draining)
