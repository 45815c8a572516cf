"""The command line. A refusal is one line on stderr and a non-zero exit, never a traceback.

Exit codes: 0 done, 1 refused, 2 the command line is wrong, 70 a fault of remixd itself, 130 interrupted,
141 nobody reads the output.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

import remixd
from remixd.cli.audience import crowd, forget, plan, signal, taste, undo, why
from remixd.cli.bench import bench
from remixd.cli.config import config
from remixd.cli.deck import deck
from remixd.cli.devices import devices
from remixd.cli.doctor import doctor
from remixd.cli.importing import import_songs
from remixd.cli.joining import join
from remixd.cli.journal import journal
from remixd.cli.library import demo, track, tracks
from remixd.cli.plugins import plugins
from remixd.cli.presets import preset
from remixd.cli.render import render
from remixd.cli.serve import serve
from remixd.cli.sessions import listen, panic, session, watch
from remixd.cli.stats import stats
from remixd.cli.systemd import systemd
from remixd.cli.tokens import fans, token
from remixd.cli.trace import trace
from remixd.errors import RemixdError

__all__ = ["main"]

REFUSED, USAGE, FAULT, INTERRUPTED, UNREAD = 1, 2, 70, 130, 141


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(remixd.__version__, prog_name="remixd")
def commands() -> None:
    """Play songs from their stems, live, as those who listen wish."""


COMMANDS = (
    import_songs,
    tracks,
    track,
    serve,
    session,
    signal,
    taste,
    why,
    undo,
    forget,
    crowd,
    plan,
    deck,
    panic,
    preset,
    plugins,
    listen,
    watch,
    render,
    journal,
    demo,
    devices,
    doctor,
    config,
    token,
    fans,
    stats,
    trace,
    systemd,
    bench,
)
session.add_command(join)
for command in COMMANDS:
    commands.add_command(command)


def _complain(text: str) -> None:
    print("remixd: " + " ".join(text.split()), file=sys.stderr)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if sys.stdout is None:
        return UNREAD
    if hasattr(sys.stdout, "reconfigure"):  # a title in hangul must not end a command on an ASCII terminal
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        with commands.make_context("remixd", words) as context:  # not main(), which has its own last words
            commands.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except RemixdError as error:
        _complain(str(error))
        return REFUSED
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return USAGE
    except click.ClickException as error:
        _complain(error.format_message())
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return UNREAD
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return REFUSED
    except Exception as error:
        if os.environ.get("REMIXD_DEBUG"):
            raise
        _complain(f"a fault of remixd: {type(error).__name__}: {error} (REMIXD_DEBUG=1 tells where)")
        return FAULT


def main() -> NoReturn:
    """Run the command of this process, and end it.

    At once, not through the interpreter's end: that stops gRPC's threads wherever they are, and then waits
    for ever for a lock that one of them held when it finalises a call.
    """
    code = run()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            if stream is not None:
                stream.flush()
    os._exit(code)
