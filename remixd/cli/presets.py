"""Commands of presets: preset list|show|set|save|delete."""

from __future__ import annotations

from typing import Any

import click

from remixd.cli._options import daemon_option, json_option
from remixd.cli._out import note, print_json, print_table
from remixd.cli.sessions import print_answer
from remixd.director.blend import parse_weights
from remixd.director.preset_files import load_preset, load_presets
from remixd.errors import InvalidInput
from remixd.mix import WHENS, When


@click.group()
def preset() -> None:
    """Mixes and effects under one name: to start from, to go to, to blend."""


@preset.command("list")
@json_option
def list_presets(as_json: bool) -> None:
    """List the presets: those that come with remixd, and your own."""
    presets, problems = load_presets()
    found = [each.to_json() for each in presets]
    for problem in problems:
        note(problem)
    if as_json:
        print_json(found)
        return
    print_table(
        "no presets",
        ("name", "mix", "effects", "description"),
        [(each["name"], _told(each["mix"]), _effects(each), each["description"]) for each in found],
    )


@preset.command("show")
@click.argument("name", metavar="NAME")
@json_option
def show_preset(name: str, as_json: bool) -> None:
    """Show a preset."""
    found = load_preset(name).to_json()
    if as_json:
        print_json(found)
        return
    print(f"name: {found['name']}")
    print(f"title: {found['title']}")
    print(f"description: {found['description']}")
    print(f"tags: {', '.join(found['tags'])}")
    print(f"mix: {_told(found['mix']) or 'as the artist left it'}")
    for rack in found["racks"]:
        share = f", {rack['share']:.0%} of the sound" if rack["share"] < 1.0 else ""
        print(f"on {rack['on']}{share}:")
        for element in rack["chain"]:
            print(f"  {element['effect']}: {_told({k: v for k, v in element.items() if k != 'effect'})}")
    if found["gain_db"]:
        print(f"gain: {found['gain_db']:+g} dB, to be as loud as the artist's own mix")
    print(f"rules: {_told(found['rules'])}")
    for name, value in found["not_for"].items():
        shown = ", ".join(value) if isinstance(value, list) else f"{value:g}"
        print(f"not for: {name.replace('_', ' ')} {shown}")


@preset.command("set")
@click.argument("session_id", metavar="SESSION")
@click.argument("presets", metavar="NAME[:WEIGHT],...")
@click.option("--over", "over_bars", type=float, metavar="BARS", help="How long the way takes.  [default: 0]")
@click.option("--at", type=click.Choice(WHENS), help="When it begins.  [default: as the presets have it]")
@click.option("--wait", is_flag=True, help="Stay until it is in the sound.")
@daemon_option
@json_option
def set_presets(
    session_id: str,
    presets: str,
    over_bars: float | None,
    at: When | None,
    wait: bool,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Go to other presets in a session: one, or a blend such as lo-fi:.5,stadium:.3.

    Weights go from 0 to 1; the rest is the artist's own mix. A directed session goes there at its next
    phrase, over a bar unless told otherwise.
    """
    weights = parse_weights(presets)
    from remixd.client import Client

    with Client(daemon) as client:
        answer = client.pick(session_id, weights, over_bars=over_bars, at=at, wait=wait)
    if as_json:
        print_json(answer)
    if not answer.accepted:
        raise InvalidInput(answer.reason or "the presets were refused")
    if not as_json:
        print_answer(answer)


@preset.command("save")
@click.argument("name", metavar="NAME")
@click.option("--from", "session_id", required=True, metavar="SESSION", help="What it is to sound like.")
@click.option("--title", default="", help="Its name as people read it.")
@click.option("--description", default="", help="What it sounds like.")
@click.option("--replace", is_flag=True, help="Take the place of one of your own with that name.")
@daemon_option
@json_option
def save_preset(
    name: str,
    session_id: str,
    title: str,
    description: str,
    replace: bool,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Save what a session sounds like now as a preset of your own."""
    from remixd.client import Client

    with Client(daemon) as client:
        saved = client.save_preset(session_id, name, title=title, description=description, replace=replace)
    if as_json:
        print_json(saved)
    else:
        print(f"{saved.name} saved: {_told(dict(saved.mix)) or 'the artist’s own mix'}")


@preset.command("delete")
@click.argument("name", metavar="NAME")
@daemon_option
def delete_preset(name: str, daemon: str | None) -> None:
    """Delete a preset of your own; sessions that stand in it go on as they are."""
    from remixd.client import Client

    with Client(daemon) as client:
        client.delete_preset(name)
    print(f"{name} deleted")


def _told(values: dict[str, Any]) -> str:
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    )


def _effects(found: dict[str, Any]) -> str:
    return ", ".join(f"{len(rack['chain'])} on {rack['on']}" for rack in found["racks"])
