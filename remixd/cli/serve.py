"""The command that is the daemon."""

from __future__ import annotations

from pathlib import Path

import click

from remixd import settings
from remixd.cli._options import FILE, Seconds, sink_option
from remixd.config import DEFAULT_CACHE_MAX, DEFAULT_JOURNAL_MAX


@click.command()
@click.option(
    "--config",
    "config_file",
    type=FILE,
    metavar="FILE",
    help="Settings, in TOML: `remixd config example` tells them. What is given here comes before them.  "
    "[default: REMIXD_CONFIG, else ~/.config/remixd/config.toml]",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where to listen; port 0 chooses one.  [default: REMIXD_LISTEN, else 127.0.0.1:7400]",
)
@click.option(
    "--library",
    type=FILE,
    metavar="DIR",
    help="The library to serve.  [default: REMIXD_LIBRARY, else ~/.local/share/remixd]",
)
@sink_option
@click.option(
    "--block",
    type=click.IntRange(32, 1024),
    metavar="FRAMES",
    help="Frames that a sound device asks for at once, 32 to 1024.  [default: 128]",
)
@click.option(
    "--cache-max",
    metavar="SIZE",
    help="How much engine-rate audio to keep, such as 20GB: beyond it goes what was not played for longest. "
    f"What plays now always stays.  [default: REMIXD_CACHE_MAX, else {DEFAULT_CACHE_MAX}]",
)
@click.option(
    "--journal-max",
    metavar="SIZE",
    help="How much the journals of sessions may take: beyond it the oldest go whose session is over.  "
    f"[default: {DEFAULT_JOURNAL_MAX}]",
)
@click.option(
    "--engines",
    type=click.IntRange(1, 64),
    metavar="N",
    help="How many processes render, each on a core of its own. One more waits for one of them to die.  "
    "[default: one less than there are cores, at least 1]",
)
@click.option(
    "--web",
    metavar="HOST:PORT|off",
    help="Where to serve JSON, health and metrics over HTTP.  [default: REMIXD_WEB, else 127.0.0.1:7401]",
)
@click.option(
    "--web-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="A site whose pages may call it too, such as https://radio.example; may be repeated.",
)
@click.option(
    "--drain",
    type=Seconds(0.0, 600.0),
    metavar="S",
    help="On SIGTERM what is heard fades out over a bar, in at most so many seconds; a second one ends it.  "
    "[default: 4]",
)
def serve(
    config_file: Path | None,
    listen: str | None,
    library: Path | None,
    sink: str | None,
    block: int | None,
    cache_max: str | None,
    journal_max: str | None,
    engines: int | None,
    web: str | None,
    origins: tuple[str, ...],
    drain: float | None,
) -> None:
    """Be the daemon.

    Serves a library and its sessions until SIGTERM or Ctrl-C: to this machine, and beyond it with TLS and
    tokens. Should it be killed, what plays goes on for a minute: a daemon that is started on the same library
    meanwhile has it all again.
    """
    options = {
        "listen": listen,
        "library": library,
        "sink": sink,
        "block": block,
        "cache_max": cache_max,
        "journal_max": journal_max,
        "engines": engines,
        "web": web,
        "web_origins": ",".join(origins) or None,
        "drain": drain,
    }
    found = settings.load(config_file, {f"serve.{name}": value for name, value in options.items()})
    import asyncio

    from remixd.daemon import serve as serve_until_told
    from remixd.logs import log_to_stderr

    log_to_stderr(found.log.format, found.log.level)
    asyncio.run(serve_until_told(found))
