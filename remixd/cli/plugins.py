"""Commands of third-party plug-ins: plugins scan|list|show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from remixd.cli._options import json_option
from remixd.cli._out import note, print_json, print_table, progress

if TYPE_CHECKING:
    from remixd.control.plugins import Parameter, Plugin


@click.group()
def plugins() -> None:
    """Third-party VST3 plug-ins, for racks.

    They are looked for in /usr/lib/vst3, /usr/local/lib/vst3, ~/.vst3, and in REMIXD_VST3_PATH.
    """


@plugins.command("scan")
@click.option("--again", is_flag=True, help="Look at those too that are known, or known not to work.")
@json_option
def scan_plugins(again: bool, as_json: bool) -> None:
    """Look for plug-ins, and at each that is new.

    Each is looked at in a process of its own. One that crashes or hangs is remembered, and not looked at
    again until its file changes.
    """
    from remixd.control.plugins import folders, scan

    with progress("scan") as move:
        found = scan(again=again, on_look=lambda done, of, name: move(done / of, name))
    if as_json:
        print_json(found)
        return
    _print(found, f"there are no plug-ins in {', '.join(map(str, folders()))}")


@plugins.command("list")
@json_option
def list_plugins(as_json: bool) -> None:
    """List the plug-ins that were found."""
    from remixd.control.plugins import known_plugins

    found = known_plugins()
    if as_json:
        print_json(found)
        return
    _print(found, "no plug-ins are known: look for them with remixd plugins scan")


@plugins.command("show")
@click.argument("name", metavar="NAME")
@json_option
def show_plugin(name: str, as_json: bool) -> None:
    """Show a plug-in, by its name or path, and what can be set of it."""
    from remixd.control.plugins import find_plugin, known_plugins

    found = find_plugin(name, known_plugins())
    if as_json:
        print_json(found)
        return
    print(f"name: {found.name}")
    print(f"path: {found.path}")
    if found.fault:
        print(f"cannot be used: {found.fault}")
        return
    print(f"vendor: {found.vendor}")
    print(f"version: {found.version}")
    print(f"category: {found.category}")
    print(f"sound: {_sound(found)}")
    print(f"latency: {found.latency_frames} frames ({found.latency_ms:.1f} ms)")
    print(f"cost: {found.cost_ns / 1000:.0f} us a block of 64 frames")
    print_table(
        "parameters: none",
        ("parameter", "range", "default", "unit", "title"),
        [(each.name, _range(each), _value(each.default), each.unit, each.title) for each in found.parameters],
    )
    for each in found.parameters:
        if each.choices:
            print(f"{each.name}: {', '.join(each.choices)}")


def _print(found: list[Plugin], none: str) -> None:
    usable = [plugin for plugin in found if not plugin.fault]
    if usable or not found:
        print_table(
            none,
            ("name", "vendor", "category", "sound", "latency", "parameters"),
            [
                (
                    plugin.name,
                    plugin.vendor,
                    plugin.category,
                    _sound(plugin),
                    f"{plugin.latency_ms:.1f} ms",
                    len(plugin.parameters),
                )
                for plugin in usable
            ],
        )
    for plugin in found:
        if plugin.fault:
            note(f"{plugin.path} cannot be used: {plugin.fault}")


def _sound(plugin: Plugin) -> str:
    return "an instrument" if plugin.is_instrument else "stereo" if plugin.channels == 2 else "mono, twice"


def _value(value: float | str | bool | None) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _range(parameter: Parameter) -> str:
    match parameter.kind:
        case "number":
            step = f" by {parameter.step:g}" if parameter.step else ""
            return f"{_value(parameter.least)} to {_value(parameter.most)}{step}"
        case "switch":
            return "on, off"
        case _:
            return f"{len(parameter.choices)} choices"
