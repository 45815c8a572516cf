"""The rules of Chrome's trace event format, as far as a file can be checked: each broken one a line."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import Any

PHASES = {"X", "i", "M", "s", "t", "f"}
WHOLE = ("pid", "tid")


def faults(trace: Any) -> list[str]:
    """What is wrong with a trace; empty if nothing is."""
    if not isinstance(trace, dict) or not isinstance(trace.get("traceEvents"), list):
        return ["it is no object with traceEvents"]
    found = [] if trace.get("displayTimeUnit") in ("ms", "ns") else ["displayTimeUnit is ms or ns"]
    rows = trace["traceEvents"]
    for row in rows:
        found += _row(row)
    if found:
        return found
    timed = [row for row in rows if row["ph"] != "M"]
    found += [f"{b} comes before {a}" for a, b in pairwise(timed) if b["ts"] < a["ts"]]
    return found + _named(rows) + _nested(timed) + _flows(timed)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _row(row: Any) -> list[str]:
    found = []
    if row.get("ph") not in PHASES:
        return [f"{row} has no phase that is known"]
    if not isinstance(row.get("name"), str) or not row["name"]:
        found.append(f"{row} has no name")
    found += [f"{row}: {name} is no integer" for name in WHOLE if type(row.get(name)) is not int]
    if not isinstance(row.get("args", {}), dict):
        found.append(f"{row}: args is no object")
    if row["ph"] == "M":
        ok = row["name"] in ("process_name", "thread_name") and isinstance(row["args"].get("name"), str)
        return found if ok else [*found, f"{row} names nothing"]
    if not isinstance(row.get("cat"), str):
        found.append(f"{row} has no category")
    if not _number(row.get("ts")) or row["ts"] < 0:
        found.append(f"{row} has no time")
    if row["ph"] == "X" and (not _number(row.get("dur")) or row["dur"] < 0):
        found.append(f"{row} has no length")
    if row["ph"] != "X" and "dur" in row:
        found.append(f"{row} has a length")
    if row["ph"] == "i" and row.get("s") not in ("g", "p", "t"):
        found.append(f"{row} has no scope")
    if row["ph"] in "stf" and type(row.get("id")) not in (int, str):
        found.append(f"{row} has no id")
    return found


def _named(rows: list[dict[str, Any]]) -> list[str]:
    threads = {(row["pid"], row["tid"]) for row in rows if row["ph"] == "M" and row["name"] == "thread_name"}
    processes = {row["pid"] for row in rows if row["ph"] == "M" and row["name"] == "process_name"}
    used = {(row["pid"], row["tid"]) for row in rows if row["ph"] != "M"}
    return [f"thread {each} has no name" for each in used - threads] + [
        f"process {pid} has no name" for pid in {pid for pid, _ in used} - processes
    ]


def _nested(timed: list[dict[str, Any]]) -> list[str]:
    """Slices of one thread lie within each other or apart, to the nanosecond."""
    found = []
    open_until: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in timed:
        if row["ph"] != "X":
            continue
        stack = open_until[row["pid"], row["tid"]]
        begin, end = round(row["ts"] * 1000), round((row["ts"] + row["dur"]) * 1000)
        while stack and stack[-1] <= begin:
            stack.pop()
        if stack and end > stack[-1]:
            found.append(f"{row} begins within another slice and ends after it")
        stack.append(end)
    return found


def _flows(timed: list[dict[str, Any]]) -> list[str]:
    """Each flow begins once, ends once, goes forward, and every step of it lies in a slice."""
    found = []
    flows: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    slices: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for row in timed:
        if row["ph"] in "stf":
            flows[row["id"]].append(row)
        elif row["ph"] == "X":
            slices[row["pid"], row["tid"]].append((row["ts"], row["ts"] + row["dur"]))
    for number, steps in flows.items():
        phases = "".join(step["ph"] for step in steps)
        if phases not in ("sf", "stf", "sttf"):
            found.append(f"flow {number} goes {phases}")
        for step in steps:
            around = slices[step["pid"], step["tid"]]
            if not any(begin - 1e-3 <= step["ts"] <= end + 1e-3 for begin, end in around):
                found.append(f"{step} lies in no slice")
    return found
