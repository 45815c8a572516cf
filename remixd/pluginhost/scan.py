"""What a plug-in is and can be set to. It runs in a process of its own: a plug-in may crash it, or hang."""

from __future__ import annotations

from typing import Any

import pedalboard

from remixd.pluginhost.effect import cost_ns
from remixd.pluginhost.vst3 import INTERNAL, channels_taken, load, open_plugin


def describe(path: str) -> dict[str, Any]:
    """`{"plugins": [...]}`: every plug-in of a file; `{"error": SENTENCE}` if it cannot be had."""
    try:
        names = pedalboard.VST3Plugin.get_plugin_names_for_file(path)
        return {"plugins": [_describe(path, name) for name in names]}
    except Exception as error:  # whatever a plug-in does, in a sentence
        return {"error": " ".join(str(error).split()) or type(error).__name__}


def _describe(path: str, name: str) -> dict[str, Any]:
    plugin = open_plugin({"path": path, "name": name})
    told = {
        "name": str(plugin.name),
        "vendor": str(plugin.manufacturer_name or ""),
        "category": str(plugin.category or ""),
        "version": str(plugin.version or ""),
        "is_instrument": bool(plugin.is_instrument),
        "channels": 0,
        "latency_frames": 0,
        "cost_ns": 0,
        "parameters": [
            _parameter(plugin, key, each) for key, each in plugin.parameters.items() if key not in INTERNAL
        ],
    }
    if not plugin.is_instrument:
        effect = load({"path": path, "name": name})
        told["channels"] = channels_taken(plugin)
        told["latency_frames"] = effect.latency_frames
        told["cost_ns"] = cost_ns([effect])
    return told


def _parameter(plugin: Any, key: str, parameter: Any) -> dict[str, Any]:
    """A parameter: `kind` is number (with `least`, `most`, `step`), choice (with `choices`) or switch."""
    kind = {str: "choice", bool: "switch"}.get(parameter.type, "number")
    told: dict[str, Any] = {
        "name": key,
        "title": str(parameter.name),
        "kind": kind,
        "unit": str(parameter.label or "").strip(),
        "default": parameter.type(getattr(plugin, key)),
    }
    if kind == "number":
        least, most, step = parameter.range
        told |= {"least": least, "most": most, "step": step}
    if kind == "choice":
        told["choices"] = [str(value) for value in parameter.valid_values]
    return told
