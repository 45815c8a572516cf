"""Commands of the library: tracks, track show, track rights, track delete, demo."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remixd.cli._options import FILE, daemon_option, json_option, library_option
from remixd.cli._out import minutes, note, print_json, print_table, progress
from remixd.cli._rights import rights_in_words
from remixd.cli._sheet import track_in_words
from remixd.cli._shelf import open_shelf
from remixd.cli.edit import edit_track
from remixd.cli.importing import stem_told
from remixd.config import expand_home
from remixd.errors import InvalidInput, RemixdError

if TYPE_CHECKING:
    from remixd.track.overview import Outline


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

    Every word of TEXT is in a track's title or artist, or the beginning of its id.
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
@click.option("--png", type=FILE, metavar="FILE", help="Draw it into a picture, too.")
@library_option
@daemon_option
@json_option
def show_track(
    track_id: str, png: Path | None, library: Path | None, daemon: str | None, as_json: bool
) -> None:
    """Show a track.

    Its stems, tempo, beats, key and sections, and a drawing of them. TRACK is an id, or the beginning of one.
    """
    with open_shelf(library, daemon) as shelf:
        package = shelf.package(track_id)
        folder = shelf.folder(package["id"])
    if png is not None:
        _write_picture(png, package, folder)
    if as_json:
        print_json(package)
        return
    _print_package(package)
    _print_drawing(package, folder)


def _write_picture(path: Path, package: dict[str, Any], folder: Path) -> None:
    from remixd.cli._picture import WIDTH, draw_picture
    from remixd.cli._png import can_write, encode_png

    picture = draw_picture(package, _outlines(package, folder, WIDTH))
    expand_home(path).write_bytes(encode_png(picture, package["title"]))
    if not can_write(package["title"]):
        note(f"{path}: its letters are Latin: the title is in its metadata, and the id stands in the picture")


def _print_drawing(package: dict[str, Any], folder: Path) -> None:
    from remixd.cli._drawing import columns_of, draw_track

    columns = columns_of(shutil.get_terminal_size((100, 24)).columns)
    try:
        levels = {name: shape.rms for name, shape in _outlines(package, folder, columns).items()}
    except RemixdError as error:
        note(f"no levels: {error}")
        levels = {}
    for line in draw_track(package, levels, columns):
        print(line)


def _outlines(package: dict[str, Any], folder: Path, columns: int) -> dict[str, Outline]:
    """What the stems that play look like, by their names."""
    from remixd.track.overview import outlines
    from remixd.track.package import load_track

    with progress(package["id"]) as on_progress:
        return outlines(load_track(folder), columns, on_progress)


def _print_package(package: dict[str, Any]) -> None:
    for line in track_in_words(package):
        print(line)
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
