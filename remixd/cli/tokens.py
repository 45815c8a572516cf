"""The commands about tokens, and about the keys that fans are named with."""

from __future__ import annotations

import time
from pathlib import Path

import click

from remixd import settings
from remixd.cli._options import FILE
from remixd.cli._out import note
from remixd.config import user_state_path
from remixd.errors import InvalidInput, nearest


def config_option(command: click.decorators.FC) -> click.decorators.FC:
    """`--config`."""
    return click.option("--config", "file", type=FILE, metavar="FILE", help="The daemon's file of settings.")(
        command
    )


@click.group()
def token() -> None:
    """Make tokens for callers of a daemon that asks for them."""


@token.command()
@config_option
@click.option("--secret", type=FILE, metavar="FILE", help="The secret.  [default: auth.hs256_secret_file]")
@click.option("--scope", required=True, help="listener, dj, create, admin, or several with spaces between.")
@click.option("--sub", required=True, help="Who it is for; of a listener, the fan.")
@click.option(
    "--session", "sessions", multiple=True, metavar="ID", help="For this session alone; repeatable."
)
@click.option("--fans", is_flag=True, help="It speaks for many fans: an app's own backend.")
@click.option("--verified", is_flag=True, help="Its fan is known to be one person.")
@click.option("--minutes", type=click.FloatRange(0.01, 527_040), default=60.0, show_default=True)
def make(
    file: Path | None,
    secret: Path | None,
    scope: str,
    sub: str,
    sessions: tuple[str, ...],
    fans: bool,
    verified: bool,
    minutes: float,
) -> None:
    """Print a token, signed with the daemon's own secret (HS256): for tests and small set-ups."""
    from remixd.api.scopes import SCOPES
    from remixd.api.tokens import sign

    auth = settings.load(file).auth
    path = secret or auth.hs256_secret_file
    if path is None:
        raise InvalidInput("there is no secret: name one by --secret, or set auth.hs256_secret_file")
    for word in scope.split():
        if word not in SCOPES:
            raise InvalidInput(f"there is no scope {word!r}: {nearest(word, SCOPES)}")
    claims = {"sub": sub, "scope": scope, "exp": int(time.time() + minutes * 60)}
    if sessions:
        claims["session"] = list(sessions)
    claims |= {name: True for name, given in (("fans", fans), ("verified", verified)) if given}
    claims |= {name: text for name, text in (("aud", auth.audience), ("iss", auth.issuer)) if text}
    print(sign(path, claims))


@click.group()
def fans() -> None:
    """Change the keys that fans are named with; the daemon takes them up by itself."""


def _keys(file: Path | None) -> Path:
    from remixd.control.fan_keys import FILE as NAME

    return settings.load(file).fans.key_file or user_state_path() / NAME


@fans.command()
@config_option
def rotate(file: Path | None) -> None:
    """Make a new key. Fans who come again are found under their older names, and get new ones."""
    from remixd.control.fan_keys import FanKeys

    keys = FanKeys(_keys(file)).rotate()
    note(f"fans are named with key {keys.current} now; {len(keys.keys) - 1} older ones are kept")


@fans.command("drop-old")
@config_option
def drop_old(file: Path | None) -> None:
    """Drop all keys but the newest, and with them the tastes of those who have not come since it was made."""
    from remixd.control.fan_keys import FanKeys

    keys = FanKeys(_keys(file)).drop_old()
    note(f"fans are named with key {keys.current} alone")
