"""The command that lists sound devices."""

from __future__ import annotations

import click

from remixd.cli._options import json_option
from remixd.cli._out import print_json, print_table


@click.command()
@json_option
def devices(as_json: bool) -> None:
    """List the sound devices that sessions can play on.

    `remixd session create TRACK --sink device:NAME` takes one by its name or its host API, or a part of it.
    """
    from remixd.control.devices import list_devices

    found = list_devices()
    if as_json:
        print_json(found)
        return
    print_table(
        "there is no sound device: no card, and no sound server that runs",
        ("name", "host API", "channels", "rate", "latency", ""),
        [
            (
                device.name,
                device.host_api,
                device.channels,
                f"{device.rate_hz:g} Hz",
                f"{device.latency_s * 1000:.1f} ms",
                "default" if device.default else "",
            )
            for device in found
        ],
    )
