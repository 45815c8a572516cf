"""Plug-ins of somebody else that the racks of presets ask for, and whether this machine has them.

Thread: [control].
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from remixd.control.plugins import Plugin, find_files, known_plugins, locate
from remixd.director.blend import Blend, WeightedRack
from remixd.effects import PLUGIN
from remixd.errors import Unsupported


def with_plugins(of: Blend) -> tuple[Blend, tuple[str, ...]]:
    """A blend whose plug-ins are those of this machine, and what optional ones it goes without, in sentences.

    Raises Unsupported if one is missing, or known not to work, that is not optional.
    """
    if not any(element["effect"] == PLUGIN for rack in of.racks for element in rack.chain):
        return of, ()
    there = _there(of)
    racks: list[WeightedRack] = []
    notes: list[str] = []
    for rack in of.racks:
        chain: list[Any] = []
        for element in rack.chain:
            located, missing = locate([element], there)
            chain += located
            if missing and not element["optional"]:
                raise Unsupported(f"{rack.preset}: {missing[0]}")
            notes += [f"{rack.preset}: {told}" for told in missing]
        if chain:
            racks.append(replace(rack, chain=tuple(chain)))
    return replace(of, racks=tuple(racks)), tuple(notes)


def _there(of: Blend) -> list[Plugin]:
    """What was looked at, and the files that were not yet: whoever builds the rack finds out about those."""
    known = known_plugins()
    named = {str(element.get("path", "")) for rack in of.racks for element in rack.chain}
    files = [*find_files(), *(Path(path) for path in sorted(named) if os.path.lexists(path))]
    new = {str(file) for file in files} - {plugin.path for plugin in known}
    return [*known, *(Plugin(path=each, name=Path(each).stem) for each in sorted(new))]
