"""Commands about the journals of sessions."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from remixd.cli._options import FILE, json_option
from remixd.cli._out import note, print_json, print_table
from remixd.config import size_text, user_state_path
from remixd.errors import InvalidInput, RemixdError
from remixd.units import RATE_HZ


@click.group()
def journal() -> None:
    """What happened in sessions: each keeps a journal, from which it can be rendered again."""


@journal.command("list")
@json_option
def list_journals(as_json: bool) -> None:
    """List the journals that are kept, the newest first."""
    from remixd.control.journal_file import SUFFIX, JournalReader

    rows: list[dict[str, Any]] = []
    for path in (user_state_path() / "journals").glob(f"*/*{SUFFIX}"):
        try:
            [first] = itertools.islice(JournalReader(path), 1)
        except (RemixdError, ValueError):
            note(f"{path} cannot be read")
            continue
        header = first.header
        rows.append({
            "session": header.session, "started_unix_s": header.started_unix_ms / 1000,
            "bytes": path.stat().st_size, "library": header.library, "path": str(path),
        })  # fmt: skip
    rows.sort(key=lambda row: -row["started_unix_s"])
    if as_json:
        print_json(rows)
        return
    table = [
        [
            row["session"],
            datetime.fromtimestamp(row["started_unix_s"]).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            size_text(row["bytes"]),
            row["path"],
        ]
        for row in rows
    ]
    print_table("no journals", ["SESSION", "BEGAN", "SIZE", "FILE"], table)


@journal.command()
@click.argument("file", type=FILE)
@json_option
def show(file: Path, as_json: bool) -> None:
    """Tell what happened in a session: every command, when it was heard, what became of it."""
    from remixd.control.account import account
    from remixd.control.recording import read_recording

    recording = read_recording(file)
    try:
        events = list(account(recording))
    except (ValueError, LookupError, TypeError) as error:
        raise InvalidInput(f"{file} makes no sense: {error}") from None
    for text in recording.notes:
        note(text)
    if as_json:
        print_json({"session": recording.header.session, "samples": recording.end, "events": events})
        return
    rows = [
        [
            f"{event.at_s:.3f}", event.bar_beat, event.deck, event.what,
            "" if event.value is None else f"{event.value:g}", event.became,
            f"{event.late_frames / RATE_HZ * 1000:.1f} ms late" if event.late_frames else "",
            event.told or " ".join(event.signals),
        ]
        for event in events
    ]  # fmt: skip
    columns = ["SECONDS", "BAR:BEAT", "DECK", "WHAT", "VALUE", "BECAME", "", ""]
    print_table("nothing happened", columns, rows)
