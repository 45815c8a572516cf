"""The render threads of an engine: one that never needs Python, and one for sessions that have racks.

A rack is called with the GIL, for which it may have to wait; sessions without racks must not wait with it. So
a session goes over to the second thread, which is started when it is first needed, before its first rack
sounds, and back after its last one. Thread: [housekeeping], but for the threads themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketRing
from remixd._kernel.session import Session
from remixd.engine.realtime import pin_thread, promote_thread


class _Running:
    """A host and its thread."""

    def __init__(self, name: str) -> None:
        self.host = Host()
        self.notes: list[str] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start, and wait until it knows what it was granted."""
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        """Thread: [render]."""
        self.notes += promote_thread()
        self._ready.set()
        self.host.run()

    def pin(self, cores: Iterable[int]) -> None:
        pin_thread(self._thread.native_id or 0, cores)

    def stop(self) -> None:
        self.host.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)


class Hosts:
    """Both threads, as one host: every session is with the one that suits it."""

    def __init__(self) -> None:
        self._plain = _Running("render")
        self._racked: _Running | None = None
        self._cores: list[int] = []

    def start(self) -> list[str]:
        """Start the first thread; what it was not granted, as sentences."""
        self._plain.start()
        return self._plain.notes

    def stop(self) -> None:
        """End both."""
        for running in self._all:
            running.stop()

    def pin(self, cores: Iterable[int]) -> None:
        """Have both run on these cores alone."""
        self._cores = list(cores)
        for running in self._all:
            running.pin(self._cores)

    @property
    def _all(self) -> list[_Running]:
        return [self._plain, self._racked] if self._racked else [self._plain]

    def _for(self, session: Session) -> Host:
        if not len(session.racks):
            return self._plain.host
        if self._racked is None:
            self._racked = _Running("rack")
            self._racked.start()
            self._racked.pin(self._cores)
        return self._racked.host

    def settle(self, session: Session) -> None:
        """Have a session go over to the thread that suits it, between two packets, on the clock it has."""
        to = self._for(session)
        for running in self._all:
            if running.host is not to:
                running.host.move(session.key, to)

    def add(
        self,
        session: Session,
        commands: Mailbox,
        ring: PacketRing,
        lead_ns: int,
        paced: bool = True,
        anchor_ns: int = 0,
    ) -> None:
        """Let a session play: see `Host.add`."""
        self._for(session).add(session, commands, ring, lead_ns, paced, anchor_ns)

    def set_lead(self, key: int, lead_ns: int) -> bool:
        """Render a session so long ahead from now on. Whether it is there."""
        return any(running.host.set_lead(key, lead_ns) for running in self._all)

    def leave(self, key: int) -> bool:
        """Ask a session to fade out and stop. Whether it was playing."""
        return any(running.host.leave(key) for running in self._all)

    def release(self, key: int) -> bool:
        """Ask for a session back as it stands. Whether it was playing."""
        return any(running.host.release(key) for running in self._all)

    def wait_until_free(self, key: int) -> bool:
        """Wait until a session is handed back; whether it is."""
        return all(running.host.wait_until_free(key) for running in self._all)

    def load(self) -> tuple[float, float, int]:
        """As `Host.load`: of the busier thread; late packets of both."""
        mean, worst, late = zip(*(running.host.load() for running in self._all), strict=True)
        return max(mean), max(worst), sum(late)

    def tallies(self) -> dict[str, tuple[list[int], int]]:
        """As `Host.tallies`, of both together."""
        both = [running.host.tallies() for running in self._all]
        return {
            name: (
                [sum(counts) for counts in zip(*(each[name][0] for each in both), strict=True)],
                sum(each[name][1] for each in both),
            )
            for name in both[0]
        }

    def costs(self) -> dict[int, float]:
        """As `Host.costs`, of both."""
        return {key: cost for running in self._all for key, cost in running.host.costs().items()}
