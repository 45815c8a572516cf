"""Counts calls for memory of one thread: a shim under malloc, for processes of their own."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

SHIM_C = r"""
#define _GNU_SOURCE
#include <stddef.h>
#include <unistd.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);
static volatile long watched, counted;
static __thread long self __attribute__((tls_model("initial-exec")));
static void note(void) {
    if (!watched) return;
    if (!self) self = gettid();
    if (self == watched) counted++;
}
void *malloc(size_t n) { note(); return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { note(); return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { note(); return __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) { note(); return __libc_memalign(a, n); }
void free(void *p) { if (p) note(); __libc_free(p); }
void shim_watch(long thread) { counted = 0; watched = thread; }
long shim_counted(void) { return counted; }
"""


def run_under_shim(folder: Path, script: str, timeout_s: float = 120.0) -> None:
    """Run a script to its end under the shim, which is made in `folder`. Skips where that cannot be."""
    if shutil.which("cc") is None or not sys.platform.startswith("linux"):
        pytest.skip("no cc, or no glibc")
    source, shim = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM_C, "utf-8")
    built = subprocess.run(
        ["cc", "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", shim, source], capture_output=True, text=True
    )
    if built.returncode:
        pytest.skip(f"the shim cannot be built here: {built.stderr[-200:]}")
    path = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr[-3000:]


class Shim:
    """The shim that this process runs under."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.shim_watch.argtypes = [ctypes.c_long]
        self._library.shim_counted.restype = ctypes.c_long
        self.watch(threading.get_native_id())
        np.zeros(100_000)
        assert self.counted > 0, "the shim counts nothing"
        self.watch(0)

    def watch(self, thread: int) -> None:
        """Count anew, for one thread; 0 for none."""
        self._library.shim_watch(thread)

    @property
    def counted(self) -> int:
        """Calls of the thread that is watched, since it is."""
        return int(self._library.shim_counted())
