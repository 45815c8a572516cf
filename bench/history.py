"""What was measured before: a folder of results, and a line about each.

`history.jsonl` has a line a run: when, which commit, on which machine (a fingerprint of what a figure depends
on), how noisy, and the median of every figure; the result itself, samples and all, lies beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final

from remixd.errors import InvalidInput

from .compare import Noise, case_text
from .results import Result

LINES: Final = "history.jsonl"
FINGERPRINTED: Final = ("cpu", "cores", "cores_usable", "memory_kb", "governor", "virtual")


def fingerprint(result: Result) -> str:
    """Twelve letters that are the same for runs of equal machines, instruction sets and settings."""
    told = [result.machine.get(name) for name in FINGERPRINTED]
    told += [result.versions.get("simd"), bool(result.settings.get("quick"))]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


def record(result: Result, folder: Path) -> tuple[Path, Path | None]:
    """Keep a result; returns its file, and that of the last complete run before it that can be compared.

    Raises InvalidInput if the folder cannot be written, or its lines are none.
    """
    commit = re.sub(r"[^0-9A-Za-z]", "", result.commit["id"])[:12] if result.commit else "no-commit"
    changed = "-changed" if result.commit and result.commit["changed"] else ""
    stamp = re.sub(r"[^0-9TZ]", "", result.started_at)
    print_ = fingerprint(result)
    path = folder / f"{stamp}-{commit}{changed}-{print_}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        result.save(path)
        lines = read_lines(folder)
        before = [line for line in lines if line["file"] != path.name]
        line = {
            "file": path.name, "started_at": result.started_at, "commit": commit, "changed": bool(changed),
            "machine": print_, "complete": result.complete, "noise": Noise.of(result).uneven,
            "medians": _medians(result),
        }  # fmt: skip
        if len(before) == len(lines):  # else it is kept already
            with (folder / LINES).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise InvalidInput(f"cannot write {folder}: {error.strerror}") from None
    alike = [line["file"] for line in before if line["machine"] == print_ and line["complete"]]
    there = [folder / name for name in alike if (folder / name).is_file()]
    return path, there[-1] if there else None


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of a history, oldest first; none if there is none. One that was cut off is left out."""
    path = folder / LINES
    try:
        texts = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from None
    lines = []
    for text in texts:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if (
            isinstance(line, dict)
            and isinstance(line.get("file"), str)
            and {"machine", "complete"} <= set(line)
        ):
            lines.append(line)
    return lines


def _medians(result: Result) -> dict[str, float]:
    return {
        f"{bench.name} / {figure.name} / {case_text(figure)}": figure.summary()["median"]
        for bench in result.benches
        for figure in bench.figures
    }
