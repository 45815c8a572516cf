"""The command that is the daemon."""

from __future__ import annotations

from pathlib import Path

import click

from remixd.cli._options import FILE, Seconds, sink_option
from remixd.config import (
    DEFAULT_CACHE_MAX,
    DEFAULT_JOURNAL_MAX,
    cache_max_bytes,
    journal_max_bytes,
    library_path,
    listen_address,
    web_address,
)


@click.command()
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
    default=128,
    show_default=True,
    metavar="FRAMES",
    help="Frames that a sound device asks for at once, 32 to 1024.",
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
    default=4.0,
    show_default=True,
    metavar="S",
    help="On SIGTERM what is heard fades out over a bar, in at most so many seconds; a second one ends it.",
)
def serve(
    listen: str | None,
    library: Path | None,
    sink: str | None,
    block: int,
    cache_max: str | None,
    journal_max: str | None,
    engines: int | None,
    web: str | None,
    origins: tuple[str, ...],
    drain: float,
) -> None:
    """Be the daemon.

    Serves a library and its sessions to this machine, until SIGTERM or Ctrl-C. Should it be killed, what
    plays goes on for a minute: a daemon that is started on the same library meanwhile has it all again.
    """
    address = listen_address(listen)
    web_at, is_chosen = web_address(web)
    folder = library_path(library)
    most_bytes, journal_bytes = cache_max_bytes(cache_max), journal_max_bytes(journal_max)
    import asyncio

    from remixd.daemon import Web, log_to_stderr
    from remixd.daemon import serve as serve_until_told

    log_to_stderr()
    served = Web(listen=web_at, asked=is_chosen, origins=origins) if web_at else None
    asyncio.run(
        serve_until_told(
            address, folder, sink or "stream", most_bytes, block, journal_bytes, engines, served, drain
        )
    )
