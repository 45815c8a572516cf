"""Arrays in files: what goes in comes out, and memory is given back."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from remixd.track.mapped import Spill, let_go


@pytest.mark.parametrize("columns", [None, 0, 3])
def test_rows_come_back_in_order_and_no_file_is_left(tmp_path: Path, columns: int | None) -> None:
    spill = Spill(tmp_path, "<u2", columns)
    assert list(tmp_path.iterdir()) == []
    rows = [np.arange(size * (columns or 1), dtype="<u2") for size in (4, 0, 7)]
    parts = [part if columns is None else part[: len(part) // max(columns, 1) * columns] for part in rows]
    shaped = [
        part if columns is None else part.reshape(-1, columns) if columns else np.zeros((5, 0))
        for part in parts
    ]
    for part in shaped:
        spill.append(part)
    np.testing.assert_array_equal(spill.finish(), np.concatenate(shaped))
    assert list(tmp_path.iterdir()) == []


def test_what_was_let_go_of_can_be_read_again(tmp_path: Path) -> None:
    spill = Spill(tmp_path, np.float32)
    for number in range(100):
        spill.append(np.full(100_000, number, np.float32))
    array = spill.finish()[100_000:]
    whole = array.sum(dtype=np.float64)
    mapped = mapped_bytes()
    let_go(array)
    assert mapped - mapped_bytes() > 30_000_000
    assert array.sum(dtype=np.float64) == whole
    let_go(np.zeros(5))


def mapped_bytes() -> int:
    """Pages of files that this process holds (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[2]) * resource.getpagesize()
