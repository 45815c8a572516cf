"""What the last bits of a session's sound depend on beside its commands: kernel, FFTW's plans, caches.

Thread: [control], in a worker thread, or the command line's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import remixd
from remixd import _kernel
from remixd._kernel import simd
from remixd.config import user_cache_path
from remixd.errors import InvalidInput, NotFound
from remixd.track.cache import read_header
from remixd.v1.journal_pb2 import JournalBuild

_DIGITS: Final = 16


@cache
def _kernel_id() -> str:
    """Of the modules that this process has loaded."""
    digest = hashlib.sha256()
    for path in sorted(Path(*_kernel.__path__).glob("*.so")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:_DIGITS]


def wisdom_path() -> Path:
    """Where FFTW's wisdom is kept, measured once a machine."""
    return user_cache_path() / "fftwf.wisdom"


def this_build() -> JournalBuild:
    """What this process plays with."""
    try:
        wisdom = hashlib.sha256(wisdom_path().read_bytes()).hexdigest()[:_DIGITS]
    except OSError:
        wisdom = ""
    return JournalBuild(version=remixd.__version__, kernel=_kernel_id(), simd=simd.LEVEL, wisdom=wisdom)


def build_differences(then: JournalBuild) -> list[str]:
    """What this process plays with that is not what was played with then, a phrase each."""
    now = this_build()
    found = []
    if then.simd != now.simd:
        found.append(f"the kernel was built for {then.simd or 'another machine'}, this one is for {now.simd}")
    elif then.kernel != now.kernel:
        found.append(f"it was played by another build of the kernel, of remixd {then.version or 'unknown'}")
    if not now.wisdom or then.wisdom != now.wisdom:
        found.append("FFTW's wisdom is another")
    return found


def with_contents(score: Mapping[str, Any]) -> dict[str, Any]:
    """A player's score with its stems named by track, name and content in place of their cache's path."""
    return {**score, "stems": [_named(stem) for stem in score["stems"]]}


def _named(stem: Mapping[str, Any]) -> dict[str, Any]:
    path = Path(stem["path"])
    named = {name: value for name, value in stem.items() if name != "path"}
    try:
        header = read_header(path)
    except (NotFound, InvalidInput):  # no cache as remixd makes them; a replay will say so
        return {**named, "track": path.parent.name, "stem": path.stem, "content": "", "crc32": 0}
    return {
        **named,
        "track": path.parent.name,
        "stem": path.stem,
        "content": header.content.hex(),
        "crc32": header.crc32,
    }
