"""The command that tells how a daemon does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from remixd.cli._options import Seconds, daemon_option, json_option
from remixd.cli._out import print_json
from remixd.config import size_text
from remixd.units import RATE_HZ

if TYPE_CHECKING:
    from remixd.client import DaemonStats


_TABLES: Final = {
    "late": "latest block",
    "costly": "dearest block",
    "late_minute": "latest of the last minute",
    "costly_minute": "dearest of the last minute",
}


@click.command()
@click.option(
    "--every",
    "every_s",
    type=Seconds(0.1, 60.0),
    metavar="S",
    help="Tell again every so many seconds, until Ctrl-C.",
)
@daemon_option
@json_option
def stats(every_s: float | None, daemon: str | None, as_json: bool) -> None:
    """Tell how the daemon does: its engines, sessions, who is there, and what it costs."""
    from remixd.client import Client

    with Client(daemon) as client:
        if every_s is None:
            _tell(client.stats(), as_json, lines=False)
            return
        with client.watch_stats(every_s=every_s) as told:
            for each in told:
                _tell(each, as_json, lines=True)


def _tell(told: DaemonStats, as_json: bool, *, lines: bool) -> None:
    if as_json:
        print_json(told, lines=lines)
        return
    signals = ", ".join(f"{count} {word}" for word, count in told.signals.items()) or "none"
    print(
        f"remixd {told.version}, up {told.unix_s - told.started_unix_s:.0f} s"
        f"{', about to end' if told.draining else ''}: {told.tracks} tracks, {told.sessions} sessions "
        f"({told.directed_sessions} directed, {told.lost_sessions} lost), {told.listeners} listeners, "
        f"{told.watchers} watchers, {told.fans} fans; signals: {signals}",
        flush=True,
    )
    for engine in told.engines:
        print(
            f"  engine {engine.pid}: {engine.sessions} sessions, {engine.load * 100:.1f} % of its core "
            f"(up to {engine.load_max * 100:.0f} %), {engine.late_packets} packets late"
        )
    _tell_worst(told)
    spare = "an engine waits" if told.has_spare else "no engine waits"
    print(
        f"  {spare}, {told.engine_deaths} died; the daemon takes {told.cpu_share * 100:.1f} % of a core and "
        f"{size_text(told.resident_bytes)}",
        flush=True,
    )


def _tell_worst(told: DaemonStats) -> None:
    """The worst blocks, a line each."""
    for block in told.worst:
        late = "" if block.late_ns is None else f", {_lateness(block.late_ns)}"
        print(
            f"  {_TABLES[block.table]}: {block.session} at sample {block.sample}, "
            f"{block.cost_ns / 1e6:.2f} ms for {block.frames / RATE_HZ * 1e3:.2f} ms of sound{late}: "
            f"{'; '.join(block.causes)}"
        )


def _lateness(late_ns: int) -> str:
    return f"{abs(late_ns) / 1e6:.2f} ms {'late' if late_ns > 0 else 'early'}"
