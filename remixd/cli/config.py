"""The commands about the daemon's settings."""

from __future__ import annotations

from pathlib import Path

import click

from remixd import settings
from remixd.cli._options import FILE, json_option
from remixd.cli._out import print_json
from remixd.errors import InvalidInput


@click.group()
def config() -> None:
    """Look at the daemon's settings: its file, REMIXD_CONFIG, else ~/.config/remixd/config.toml."""


@config.command()
@click.argument("file", type=FILE, required=False)
def check(file: Path | None) -> None:
    """Tell everything that is wrong with a file of settings, by line and key."""
    path = file or settings.default_path()
    if path is None:
        raise InvalidInput("there is no file of settings; name one, or see `remixd config example`")
    _, faults = settings.faults_of(settings.read_text(path), path.absolute().parent)
    for fault in faults:
        print(f"{path}: {fault}")
    if faults:
        raise InvalidInput(f"{path} has {len(faults)} fault{'s' if len(faults) > 1 else ''}")
    found = settings.load(path)
    for secret in (found.tls.key, found.auth.hs256_secret_file, found.fans.key_file):
        if secret is not None:
            settings.read_secret(secret)
    for public in (found.tls.certificate, found.tls.client_ca, found.auth.jwks_file):
        if public is not None:
            settings.read_secret(public, is_secret=False)
    print(f"{path} is sound")


@config.command()
@click.option("--config", "file", type=FILE, metavar="FILE", help="The file of settings.")
@json_option
def show(file: Path | None, as_json: bool) -> None:
    """Tell every setting as `remixd serve` would have it now. No secret is in it."""
    found = settings.shown(settings.load(file))
    if as_json:
        print_json(found)
        return
    for table, entries in found.items():
        for name, value in entries.items():
            print(f"{table}.{name} = {'' if value is None else value}")


@config.command()
def example() -> None:
    """Print a file of settings in which every key is told, and none is set."""
    print(settings.example(), end="")
