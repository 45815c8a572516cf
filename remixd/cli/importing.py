"""The command that imports songs: one, several, or each in a folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from remixd.cli._options import FILE, daemon_option, json_option, library_option
from remixd.cli._out import note, print_json, watched
from remixd.cli._shelf import Shelf, open_shelf
from remixd.config import expand_home
from remixd.errors import InvalidInput, RemixdError

if TYPE_CHECKING:
    from remixd.cli._bulk import Failure
    from remixd.cli._shelf import Song
    from remixd.track.import_options import ImportOptions

JOBS_MAX: Final = 64
TOLD_S: Final = 10.0
"""How often it is told how far many imports are, where no bar shows it."""


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option("--each", is_flag=True, help="Each sub-folder and each audio file in a PATH is a song.")
@click.option("--jobs", type=click.IntRange(1, JOBS_MAX), default=1, metavar="N", help="Import N at a time.")
@click.option("--map", "mapping", multiple=True, metavar="NAME=ROLE", help="The role of a stem, by its name.")
@click.option(
    "--grid",
    type=FILE,
    metavar="FILE",
    help="The beats of the one song, instead of computed ones: rekordbox's .xml, a .mid or a .csv.",
)
@click.option(
    "--splitter",
    default="harmonic",
    metavar="NAME",
    help="What splits a full mix: harmonic, demucs, or none.  [default: harmonic]",
)
@click.option("--again", is_flag=True, help="Read and analyse anew what is there; its id and edits stay.")
@click.option("--warm", is_flag=True, help="Build the cache too, so that the first session starts at once.")
@library_option
@daemon_option
@json_option
def import_songs(
    paths: tuple[Path, ...],
    each: bool,
    jobs: int,
    mapping: tuple[str, ...],
    grid: Path | None,
    splitter: str,
    again: bool,
    warm: bool,
    library: Path | None,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Import songs.

    Each PATH is one: a folder of stems, a .stem.mp4, or a full mix. With --each a PATH is a folder of them.
    A song that cannot be imported does not hold back the others, and one that is there already is not
    imported again: what was interrupted goes on when it is asked for again.
    """
    from remixd.track.import_options import ImportOptions, check_splitter
    from remixd.track.roles import parse_mapping

    songs = _each(paths) if each else list(paths)
    if grid is not None and len(songs) > 1:
        raise InvalidInput("--grid has the beats of one song: give one PATH")
    options = ImportOptions(
        roles=parse_mapping(mapping),
        grid=expand_home(grid).absolute() if grid is not None else None,
        splitter=check_splitter(splitter),
        again=again,
    )
    with open_shelf(library, daemon) as shelf:
        imported, failures = _import(songs, shelf, options, jobs, warm=warm, quiet=as_json)
    if as_json:
        print_json(imported)
    _report(failures, len(songs), by_name=each)


def _each(folders: Iterable[Path]) -> list[Path]:
    from remixd.track.fields import printable
    from remixd.track.song_files import songs_in

    songs: list[Path] = []
    for folder in folders:
        found = songs_in(expand_home(folder))
        songs += found.songs
        for other in found.others:
            note(f"left out, not audio: {printable(other.name)}")
        if not found.songs:
            raise InvalidInput(f"{printable(folder)} holds no songs")
    return songs


def _import(
    songs: Sequence[Path], shelf: Shelf, options: ImportOptions, jobs: int, *, warm: bool, quiet: bool
) -> tuple[list[Song], list[Failure]]:
    import asyncio

    from remixd.cli._bulk import Estimate, import_all, told_left
    from remixd.track.fields import printable
    from remixd.track.song_files import size_bytes

    estimate = Estimate({song: size_bytes(expand_home(song)) for song in songs}, jobs)
    title = songs[0].name if len(songs) == 1 else "importing"
    told_s = time.monotonic()

    async def work() -> tuple[list[Song], list[Failure]]:
        async with shelf.importing(warm=warm) as import_song:
            return await import_all(
                songs, lambda song, tell: import_song(song, options, tell), jobs, on_progress, on_end
            )

    def on_progress(song: Path, share: float, doing: str) -> None:
        estimate.move(song, share)
        if len(songs) == 1:
            bar(share, doing)
        elif shown:
            left = told_left(estimate.done, len(songs), estimate.left_s())
            bar(estimate.share(), f"{left}: {printable(song.name)}")

    def on_end(song: Path, done: Song | None) -> None:
        nonlocal told_s
        estimate.end(song, new=done is not None and done["new"])
        if done is not None and not quiet:
            _print_imported(done, "again" if options.again else "was there")
        if not shown and estimate.done < len(songs) and time.monotonic() - told_s >= TOLD_S:
            told_s = time.monotonic()
            note(told_left(estimate.done, len(songs), estimate.left_s()))

    with watched(title) as (shown, bar):
        return asyncio.run(work())


def _report(failures: Sequence[Failure], total: int, *, by_name: bool) -> None:
    """Tell what was not imported; raises the last of it."""
    from remixd.track.fields import printable

    if by_name and failures:
        for failure in failures:
            note(f"remixd: {printable(failure.song.name)}: {failure.error}")
        raise RemixdError(f"{len(failures)} of {total} songs could not be imported")
    for failure in failures[:-1]:
        note(f"remixd: {failure.error}")
    if failures:
        raise failures[-1].error


def _print_imported(song: dict[str, Any], not_new: str) -> None:
    stems = ", ".join(f"{stem['name']} ({stem_told(stem)})" for stem in song["stems"])
    print(f"{song['id']}: {song['title']}{'' if song['new'] else f' ({not_new})'}: {stems}", flush=True)
    for text in song["notes"]:
        print(f"  {text}")


def stem_told(stem: dict[str, Any]) -> str:
    """A stem's role and what else is to be known of it."""
    told = [stem["role"], stem["language"], stem["colour"], "estimated" if stem["estimated"] else ""]
    return ", ".join(filter(None, [*told, "" if stem["plays"] else "alternate"]))
