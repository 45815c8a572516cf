"""The command that edits a track by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remixd.cli._options import daemon_option, json_option, library_option
from remixd.cli._out import print_json
from remixd.cli._shelf import open_shelf
from remixd.errors import InvalidInput

if TYPE_CHECKING:
    from remixd.track.analysis import Alternative
    from remixd.track.edits import SectionEdit


@click.command("edit")
@click.argument("track_id", metavar="TRACK")
@click.option("--title", metavar="TEXT", help="Its title.")
@click.option("--artist", metavar="TEXT", help="Its artist.")
@click.option("--bpm", type=float, metavar="BPM", help="Its tempo, the same throughout.")
@click.option("--first-downbeat", type=float, metavar="SECONDS", help="Where its first bar begins.")
@click.option("--metre", metavar="N/M", help="Its metre, such as 3/4.")
@click.option("--key", metavar="KEY", help="Its key, such as 'A minor' or 8A.")
@click.option("--section", "sections", multiple=True, metavar="SECONDS=LABEL", help="A section begins there.")
@click.option(
    "--alternative", type=int, metavar="N", help="Count it another way: the N-th that `track show` offers."
)
@click.option("--reset", multiple=True, metavar="FIELD", help="Undo the edit of a field; 'all' undoes all.")
@library_option
@daemon_option
@json_option
def edit_track(
    track_id: str,
    title: str | None,
    artist: str | None,
    bpm: float | None,
    first_downbeat: float | None,
    metre: str | None,
    key: str | None,
    sections: tuple[str, ...],
    alternative: int | None,
    reset: tuple[str, ...],
    library: Path | None,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Edit a track by hand.

    Edits are kept beside the analysis, and survive a new one. A session that plays the track goes on as it
    is. TRACK is an id, or the beginning of one.
    """
    from remixd.track.edits import Edits

    changes = Edits(
        title=title, artist=artist, bpm=bpm, first_downbeat_s=first_downbeat, metre=metre, key=key,
        sections=_read_sections(sections),
    )  # fmt: skip
    if not changes and not reset and alternative is None:
        raise InvalidInput("nothing to edit: say what, as in --bpm 128, or --reset FIELD")
    with open_shelf(library, daemon) as shelf:
        package = shelf.package(track_id)
        if alternative is not None:
            changes = replace(changes, alternative=_choose(package["alternatives"], alternative))
        package = shelf.edit(package["id"], changes, _read_reset(reset))
    if as_json:
        print_json(package)
    else:
        print(f"{package['id']}: edited by hand: {', '.join(package['edited']) or 'nothing'}")


def _choose(offered: Sequence[Mapping[str, Any]], number: int) -> Alternative:
    """The one of this number, of other ways to count a track in JSON's types."""
    from remixd.track.analysis import Alternative

    if not 1 <= number <= len(offered):
        there = f"there are 1 to {len(offered)}" if offered else "this track has no other way to count it"
        raise InvalidInput(f"--alternative {number} is none: {there}", field="alternative")
    return Alternative(**offered[number - 1])


def _read_sections(words: Iterable[str]) -> tuple[SectionEdit, ...]:
    from remixd.track.edits import SectionEdit

    sections = []
    for word in words:
        start, equals, label = word.partition("=")
        try:
            sections.append(SectionEdit(start_s=float(start), label=label.strip()))
        except ValueError:
            equals = ""
        if not equals:
            raise InvalidInput(f"--section {word!r} is not such as 32.0=chorus", field="sections")
    return tuple(sorted(sections, key=lambda section: section.start_s))


def _read_reset(words: Iterable[str]) -> tuple[str, ...]:
    """Fields by the names of the options that edit them."""
    from remixd.track.edits import FIELDS

    names = {"first-downbeat": "first_downbeat_s", "section": "sections"}
    return FIELDS if "all" in words else tuple(names.get(word, word) for word in words)
