"""The command that prints the unit of systemd."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

UNIT = Path(__file__).parents[1] / "service" / "remixd.service"


@click.command()
def systemd() -> None:
    """Print a hardened systemd unit that serves with this installation.

    As root: remixd systemd > /etc/systemd/system/remixd.service
    """
    installed = shutil.which(sys.argv[0]) or f"{sys.executable} -m remixd"
    unit = UNIT.read_text("utf-8")
    click.echo(unit.replace("/usr/bin/env remixd", installed), nl=False)
