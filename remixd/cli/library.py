"""Commands of the library: import, tracks, track show, track delete, demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from remixd.cli._options import FILE, daemon_option, json_option, library_option
from remixd.cli._out import minutes, note, print_json, print_table, progress
from remixd.cli._rights import rights_in_words
from remixd.cli._shelf import open_shelf
from remixd.cli.edit import edit_track
from remixd.config import expand_home
from remixd.errors import InvalidInput, RemixdError


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option("--map", "mapping", multiple=True, metavar="NAME=ROLE", help="The role of a stem, by its name.")
@click.option(
    "--grid",
    type=FILE,
    metavar="FILE",
    help="The beats of the one song that is imported: rekordbox's .xml, a .mid or a .csv, instead of computed ones.",
)
@click.option(
    "--splitter",
    default="harmonic",
    metavar="NAME",
    help="What splits a full mix: harmonic, demucs, or none.  [default: harmonic]",
)
@click.option("--warm", is_flag=True, help="Build the cache too, so that the first session starts at once.")
@library_option
@daemon_option
@json_option
def import_songs(
    paths: tuple[Path, ...],
    mapping: tuple[str, ...],
    grid: Path | None,
    splitter: str,
    warm: bool,
    library: Path | None,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Import songs.

    Each PATH is one: a folder of stems, a .stem.mp4, or a full mix. A song that cannot be imported does not
    hold back the others.
    """
    from remixd.track.import_options import ImportOptions, check_splitter
    from remixd.track.roles import parse_mapping

    if grid is not None and len(paths) > 1:
        raise InvalidInput("--grid has the beats of one song: give one PATH")
    options = ImportOptions(
        roles=parse_mapping(mapping),
        grid=expand_home(grid).absolute() if grid is not None else None,
        splitter=check_splitter(splitter),
    )
    imported: list[dict[str, Any]] = []
    failures: list[RemixdError] = []
    with open_shelf(library, daemon) as shelf:
        for path in paths:
            try:
                with progress(path.name) as on_progress:
                    imported.append(shelf.import_song(path, options, on_progress, warm=warm))
            except RemixdError as error:
                failures.append(error)
                continue
            if not as_json:
                _print_imported(imported[-1])
    if as_json:
        print_json(imported)
    for failure in failures[:-1]:
        note(f"remixd: {failure}")
    if failures:
        raise failures[-1]


def _print_imported(song: dict[str, Any]) -> None:
    stems = ", ".join(f"{stem['name']} ({_stem_told(stem)})" for stem in song["stems"])
    print(f"{song['id']}: {song['title']}{'' if song['new'] else ' (was there)'}: {stems}")
    for text in song["notes"]:
        print(f"  {text}")


def _stem_told(stem: dict[str, Any]) -> str:
    """A stem's role and what else is to be known of it."""
    told = [stem["role"], stem["language"], stem["colour"], "estimated" if stem["estimated"] else ""]
    return ", ".join(filter(None, [*told, "" if stem["plays"] else "alternate"]))


@click.command()
@click.argument("text", nargs=-1)
@click.option("--key", default="", metavar="KEY", help="What mixes with this key, such as 8A or 'A minor'.")
@click.option("--bpm", metavar="RANGE", help="What is in a range of tempo: 120..128, 120.., ..128 or 128.")
@click.option("--energy", metavar="RANGE", help="What is in a range of energy, 1 to 10, such as 5..8.")
@library_option
@daemon_option
@json_option
def tracks(
    text: tuple[str, ...],
    key: str,
    bpm: str | None,
    energy: str | None,
    library: Path | None,
    daemon: str | None,
    as_json: bool,
) -> None:
    """List the tracks, or those that are looked for.

    Every word of TEXT is in a track's title, artist or id.
    """
    from remixd.track.search import ALL, Search, parse_range

    search = Search(
        text=" ".join(text),
        key=key,
        bpm=ALL if bpm is None else parse_range(bpm),
        energy=ALL if energy is None else parse_range(energy),
    )
    with open_shelf(library, daemon) as shelf:
        rows = shelf.rows(search)
    if as_json:
        print_json(rows)
        return
    print_table(
        "no tracks: `remixd import FOLDER` adds one" if search == Search() else "no such tracks",
        ("id", "title", "artist", "length", "bpm", "key", "energy", "lufs", "stems", ""),
        [
            (
                row["id"],
                row["title"],
                row["artist"],
                minutes(row["duration_s"]),
                _rounded(row["bpm"]),
                f"{row['key']} ({row['camelot']})" if row["camelot"] else row["key"],
                _rounded(row["energy"]),
                _rounded(row["loudness_lufs"]),
                row["stems"],
                "edited" if row["edited"] else "",
            )
            for row in rows
        ],
    )


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


@click.group()
def track() -> None:
    """One track."""


track.add_command(edit_track)


@track.command("show")
@click.argument("track_id", metavar="TRACK")
@library_option
@daemon_option
@json_option
def show_track(track_id: str, library: Path | None, daemon: str | None, as_json: bool) -> None:
    """Show a track.

    Its stems, tempo, beats, key and sections. TRACK is an id, or the beginning of one.
    """
    with open_shelf(library, daemon) as shelf:
        package = shelf.package(track_id)
    if as_json:
        print_json(package)
        return
    for name, value in package.items():
        if name in ("stems", "notes", "rights", "edited"):
            continue
        if isinstance(value, list) and value and not isinstance(value[0], str):
            print(f"{name}: {len(value)}")
        elif value not in (None, "", [], {}):
            print(f"{name}: {_told(value)}")
    for stem in package["stems"]:
        print(f"stem {stem['name']}: {_stem_told(stem)}")
    if package["edited"]:
        print(f"edited by hand: {', '.join(package['edited'])}")
    _print_rights(package)
    for text in package["notes"]:
        print(f"note: {text}")


@track.command("rights")
@click.argument("track_id", metavar="TRACK")
@library_option
@daemon_option
@json_option
def show_rights(track_id: str, library: Path | None, daemon: str | None, as_json: bool) -> None:
    """Say what may be done to a track.

    The engine keeps to the ranges. TRACK is an id, or the beginning of one.
    """
    with open_shelf(library, daemon) as shelf:
        package = shelf.package(track_id)
    if as_json:
        print_json(package["rights"])
    else:
        _print_rights(package)


def _print_rights(package: dict[str, Any]) -> None:
    roles = {stem["role"] for stem in package["stems"] if stem["plays"]}
    for sentence in rights_in_words(package["rights"], roles):
        print(f"rights: {sentence}")


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@track.command("delete")
@click.argument("track_id", metavar="TRACK")
@click.option("--yes", is_flag=True, help="Do not ask.")
@library_option
@daemon_option
@json_option
def delete_track(track_id: str, yes: bool, library: Path | None, daemon: str | None, as_json: bool) -> None:
    """Delete a track, with all its files.

    What plays it plays on. It cannot be undone. TRACK is an id, or the beginning of one.
    """
    with open_shelf(library, daemon) as shelf:
        package = shelf.package(track_id)
        if not yes:
            if not sys.stdin.isatty():
                raise InvalidInput(f"{package['id']} is deleted for good: say --yes if that is meant")
            click.confirm(f"Delete {package['id']} ({package['title']}) for good?", abort=True, err=True)
        shelf.delete(package["id"])
    if as_json:
        print_json({"id": package["id"], "deleted": True})
    else:
        print(f"{package['id']} is deleted")


@click.command()
@click.argument("folder", type=FILE, metavar="DIR")
@json_option
def demo(folder: Path, as_json: bool) -> None:
    """Write the demo song into DIR.

    Its stems, and its analysis beside them.
    """
    from remixd.demo import write_song

    write_song(folder)
    if as_json:
        print_json({"folder": str(folder.absolute())})
    else:
        print(f"wrote the demo song: `remixd import {folder}` adds it to the library")
