"""Arrays that are longer than memory should be: in files, mapped, and let go of once read. Thread: any."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def let_go(array: NDArray[Any]) -> None:
    """Give back the memory of a mapped, read-only array; what is read of it again comes from its file again.

    Does nothing for an array that is not mapped.
    """
    base: object = array
    while isinstance(base, np.ndarray | memoryview):
        base = base.obj if isinstance(base, memoryview) else base.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)


class Spill:
    """An array that grows by rows, kept in a file that goes with it, however the process ends.

    Args:
        folder: where there is room for the file; it never has a name there.
        columns: of each row; None for an array of one dimension.
        dtype: of all.
    """

    def __init__(self, folder: Path, dtype: Any, columns: int | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by `finish`, or with this object)
        self._dtype, self._columns = np.dtype(dtype), columns
        self._rows = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, of the columns and type that were said."""
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self._rows += rows.shape[0]

    def finish(self) -> NDArray[Any]:
        """All rows, mapped and read-only; nothing can be added any more."""
        shape = (self._rows,) if self._columns is None else (self._rows, self._columns)
        with self._file as file:
            file.flush()
            if 0 in shape:
                return np.zeros(shape, self._dtype)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            return np.asarray(np.memmap(file, self._dtype, "r", 0, shape))
