"""The command that writes down what was done for a session in its last seconds."""

from __future__ import annotations

import json
from pathlib import Path

import click

from remixd.cli._chrome import chrome_trace
from remixd.cli._options import Seconds, daemon_option
from remixd.cli._out import note
from remixd.config import size_text
from remixd.errors import InvalidInput

SECONDS_MAX = 3600.0


@click.command()
@click.argument("session")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, such as trace.json.",
)
@click.option(
    "--seconds",
    type=Seconds(0.001, SECONDS_MAX),
    default=10.0,
    show_default=True,
    metavar="S",
    help="How far back to go.",
)
@daemon_option
def trace(session: str, output: Path, seconds: float, daemon: str | None) -> None:
    """Write what was done for SESSION in its last seconds as a trace for Perfetto (ui.perfetto.dev).

    It has every block that was rendered and what it took, every command on its way from the call that
    brought it to the block that first sounds it, and the worst blocks with what coincided with them.
    """
    from remixd.client import Client

    with Client(daemon) as client:
        told = client.trace(session, seconds)
    text = json.dumps(chrome_trace(told), ensure_ascii=False, separators=(",", ":"))
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written: {error.strerror}") from None
    blocks = sum(event.kind == "block" for event in told.events)
    lost = told.left_out + told.lost_moments
    note(
        f"{output}: {len(told.events)} events of {blocks} blocks, {size_text(len(text.encode()))}"
        f"{f'; {lost} older ones were overwritten or left out' if lost else ''}"
    )
