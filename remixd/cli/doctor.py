"""The command that says what remixd has and lacks on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from remixd.cli._options import daemon_option, json_option, library_option
from remixd.cli._out import print_json
from remixd.config import cache_max_bytes, library_chosen, library_path, listen_address

if TYPE_CHECKING:
    from remixd.control.checkup import Finding

SIGNS = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}
INDENT = " " * len(SIGNS["ok"])


@click.command()
@click.option("--verify", is_flag=True, help="Read every file of the cache against its checksum, too.")
@click.option("--realtime", is_flag=True, help="Say instead what makes audio threads late here, and why.")
@library_option
@daemon_option
@json_option
@click.pass_context
def doctor(
    context: click.Context,
    verify: bool,
    realtime: bool,
    library: Path | None,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Say what remixd has and lacks here, and how to mend it.

    It exits with 0 if remixd can play, else with 1; with --realtime, with 1 if sound is sure to drop out.
    """
    if realtime:
        context.exit(_tell_realtime(as_json))
    from remixd.client import Client
    from remixd.control.checkup import Finding, examine

    folder = library_path(library)
    with Client(daemon) as client:
        serving = client.is_serving()
        if serving and library_chosen(library) is None:
            tracks = client.tracks()
            folder = Path(client.track(tracks[0].id).library) if tracks else folder
    answers = "answers" if serving else "none answers"
    found = [Finding(name="daemon", state="ok", told=f"{answers} at {listen_address(daemon)}")]
    if not as_json:
        _print(found[0])
    for finding in examine(folder, cache_max_bytes(), verify=verify):
        found.append(finding)
        if not as_json:
            _print(finding)
    can_play = not any(finding.state == "problem" for finding in found)
    if as_json:
        print_json({"can_play": can_play, "findings": found})
    context.exit(0 if can_play else 1)


def _tell_realtime(as_json: bool) -> int:
    """What makes audio threads late here; returns the exit code."""
    from remixd.control.realtime import examine_realtime, tried

    found = []
    for finding in tried(examine_realtime()):
        found.append(finding)
        if not as_json:
            _print(finding)
            print(f"{INDENT}  ({finding.means})")
    on_time = not any(finding.state == "problem" for finding in found)
    if as_json:
        print_json({"on_time": on_time, "findings": found})
    return 0 if on_time else 1


def _print(finding: Finding) -> None:
    print(f"{SIGNS[finding.state]}  {finding.name}: {finding.told}")
    if finding.mend:
        print(f"{INDENT}  -> {finding.mend}")
