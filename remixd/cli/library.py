"""Commands of the library: import, tracks, track show, track delete, demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from remixd.cli._options import FILE, daemon_option, json_option, library_option
from remixd.cli._out import minutes, note, print_json, print_table, progress
from remixd.cli._shelf import open_shelf
from remixd.errors import InvalidInput, RemixdError
from remixd.mix import DIMENSIONS


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option("--map", "mapping", multiple=True, metavar="NAME=ROLE", help="The role of a stem, by its name.")
@click.option("--warm", is_flag=True, help="Build the cache too, so that the first session starts at once.")
@library_option
@daemon_option
@json_option
def import_songs(
    paths: tuple[Path, ...],
    mapping: tuple[str, ...],
    warm: bool,
    library: Path | None,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Import songs.

    Each PATH is one: a folder of stems, a .stem.mp4, or a full mix. A song that cannot be imported does not
    hold back the others.
    """
    from remixd.track.roles import parse_mapping

    roles = parse_mapping(mapping)
    imported: list[dict[str, Any]] = []
    failures: list[RemixdError] = []
    with open_shelf(library, daemon) as shelf:
        for path in paths:
            try:
                with progress(path.name) as on_progress:
                    imported.append(shelf.import_song(path, roles, on_progress, warm=warm))
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
    stems = ", ".join(
        f"{stem['name']} ({stem['role']}{'' if stem['plays'] else ', alternate'})" for stem in song["stems"]
    )
    print(f"{song['id']}: {song['title']}{'' if song['new'] else ' (was there)'}: {stems}")
    for text in song["notes"]:
        print(f"  {text}")


@click.command()
@library_option
@daemon_option
@json_option
def tracks(library: Path | None, daemon: str | None, as_json: bool) -> None:
    """List the tracks."""
    with open_shelf(library, daemon) as shelf:
        rows = shelf.rows()
    if as_json:
        print_json(rows)
        return
    print_table(
        "no tracks: `remixd import FOLDER` adds one",
        ("id", "title", "artist", "length", "bpm", "key", "stems"),
        [
            (
                row["id"],
                row["title"],
                row["artist"],
                minutes(row["duration_s"]),
                f"{row['bpm']:.1f}" if row["bpm"] is not None else "",
                row["key"],
                row["stems"],
            )
            for row in rows
        ],
    )


@click.group()
def track() -> None:
    """One track."""


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
        if name in ("stems", "notes", "rights"):
            continue
        if isinstance(value, list) and value and not isinstance(value[0], str):
            print(f"{name}: {len(value)}")
        elif value not in (None, "", [], {}):
            print(f"{name}: {_told(value)}")
    for stem in package["stems"]:
        language = f", {stem['language']}" if stem["language"] else ""
        print(f"stem {stem['name']}: {stem['role']}{language}{'' if stem['plays'] else ', alternate'}")
    _print_rights(package["rights"])
    for text in package["notes"]:
        print(f"note: {text}")


def _print_rights(rights: dict[str, Any]) -> None:
    for name, (low, high) in rights["ranges"].items():
        row = DIMENSIONS[name]
        never = ", never muted" if name in rights["never_mute"] else ""
        if never or (low, high) != (row.minimum, row.maximum):
            print(f"rights: {name} {low:g} to {high:g} {row.unit}{never}")
    alone = "may" if rights["vocals_solo"] else "may not"
    mash_ups = "yes" if rights["mash_ups"] else "no"
    print(f"rights: vocals {alone} be heard alone, mash-ups: {mash_ups}, export: {rights['export']}")
    for name in ("territories", "languages"):
        if rights[name]:
            print(f"rights: {name}: {', '.join(rights[name])}")


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
