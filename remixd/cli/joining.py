"""The command that invites phones: session join."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import segno

from remixd.cli._options import FILE, daemon_option, json_option
from remixd.cli._out import note, print_json
from remixd.errors import InvalidInput

BORDER_MODULES = 4
PNG_SCALE = 8


@click.command("join")
@click.argument("session_id", metavar="SESSION")
@click.option("--qr", type=FILE, metavar="FILE.svg|.png", help="Write the link as a QR code.")
@click.option(
    "--site", metavar="URL", help="Where phones find the daemon's web.  [default: where the daemon says]"
)
@click.option("--hours", type=click.FloatRange(1 / 60, 168.0), default=12.0, show_default=True)
@daemon_option
@json_option
def join(
    session_id: str, qr: Path | None, site: str | None, hours: float, daemon: str | None, as_json: bool
) -> None:
    """Print a link by which phones join a session.

    Where calls need tokens it carries an invitation, good for this session alone. Without --qr, a terminal
    shows its QR code too.
    """
    from remixd.client import Client

    if qr is not None and qr.suffix.lower() not in (".svg", ".png"):
        raise InvalidInput(f"{qr.name}: a QR code is written as .svg or .png")
    with Client(daemon) as client:
        made = client.join_link(session_id, site=site, lifetime_s=hours * 3600.0)
    code = segno.make_qr(made.link, error="l")
    if qr is not None:
        try:
            code.save(str(qr), scale=PNG_SCALE, border=BORDER_MODULES)
        except OSError as error:
            raise InvalidInput(f"{qr}: {error.strerror or error}") from None
    if as_json:
        print_json(made)
        return
    print(made.link)
    if made.caution:
        note(made.caution)
    if qr is not None:
        print(f"{qr} shows it")
    elif sys.stdout.isatty():
        code.terminal(compact=True, border=BORDER_MODULES)
