"""Commands of presets: preset list|show."""

from __future__ import annotations

import click

from remixd.cli._options import json_option
from remixd.cli._out import print_json, print_table
from remixd.director.preset import load_preset, preset_names


@click.group()
def preset() -> None:
    """Mixes to start a session from."""


@preset.command("list")
@json_option
def list_presets(as_json: bool) -> None:
    """List the presets."""
    found = [load_preset(name).to_json() for name in preset_names()]
    if as_json:
        print_json(found)
        return
    print_table(
        "no presets",
        ("name", "title", "mix", "description"),
        [(each["name"], each["title"], _told(each["mix"]), each["description"]) for each in found],
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


def _told(mix: dict[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in mix.items())
