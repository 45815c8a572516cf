"""Commands of the library: tracks, track show, track rights, track delete, demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from remixd.cli._options import FILE, daemon_option, json_option, library_option
from remixd.cli._out import minutes, print_json, print_table
from remixd.cli._rights import rights_in_words
from remixd.cli._shelf import open_shelf
from remixd.cli.edit import edit_track
from remixd.cli.importing import stem_told
from remixd.errors import InvalidInput


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
        print(f"stem {stem['name']}: {stem_told(stem)}")
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
