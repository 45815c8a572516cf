"""Plug-ins of somebody else that racks ask for, and whether this machine has them. Thread: [control]."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from remixd.director.blend import Blend, WeightedRack
from remixd.effects import PLUGIN
from remixd.errors import Unsupported

FOLDERS: Final = ("/usr/lib/vst3", "/usr/local/lib/vst3", "~/.vst3")
SUFFIX: Final = ".vst3"


def with_plugins(of: Blend) -> tuple[Blend, tuple[str, ...]]:
    """A blend without the optional plug-ins that this machine lacks, and what it goes without, in sentences.

    Raises Unsupported if one is missing that is not optional.
    """
    racks: list[WeightedRack] = []
    notes: list[str] = []
    for rack in of.racks:
        chain = []
        for element in rack.chain:
            if element["effect"] != PLUGIN or _is_here(element):
                chain.append(element)
                continue
            told = element["path"] or element["name"]
            if not element["optional"]:
                raise Unsupported(f"{rack.preset} needs the plug-in {told}, which is not on this machine")
            notes.append(f"{rack.preset} goes without the plug-in {told}, which is not on this machine")
        if chain:
            racks.append(replace(rack, chain=tuple(chain)))
    return replace(of, racks=tuple(racks)), tuple(notes)


def _is_here(element: Mapping[str, Any]) -> bool:
    if element["path"]:
        return Path(element["path"]).exists()
    named = os.environ.get("REMIXD_VST3_PATH", "").split(os.pathsep)
    folders = [Path(folder).expanduser() for folder in (*named, *FOLDERS) if folder]
    return any((folder / f"{element['name']}{SUFFIX}").exists() for folder in folders)
