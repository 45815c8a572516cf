"""What remixd has and lacks on this machine, and how to mend it. Thread: [control].

It plays nothing, and changes nothing but what the opening of a library puts right.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import mmap
import os
import platform
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from remixd.config import runtime_path, size_text, user_cache_path
from remixd.control.devices import list_devices
from remixd.control.plugins import find_files, known_plugins
from remixd.errors import RemixdError
from remixd.track.cache import Trust, check
from remixd.track.fields import printable
from remixd.track.library import Library, cache_folder
from remixd.track.quota import used_bytes

State = Literal["ok", "note", "problem"]
"""A note costs something, such as punctuality; with a problem nothing can be played."""

PRIORITY: Final = 60
LOCKED_BYTES: Final = 16 << 20
"""What a few sessions lock in memory."""
SESSIONS_FEW: Final = 64
"""Shared memory for fewer sessions than this is told."""
DISK_LEAST_BYTES: Final = 1_000_000_000
WIDE_FLAGS: Final = frozenset(("avx2", "fma", "bmi1", "bmi2"))
PACKAGES: Final = ("numpy", "grpcio", "protobuf", "av", "soxr", "essentia", "pyaudio", "pedalboard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        told: what was found, one line.
        mend: the command or step that mends it; empty where nothing has to be.
    """

    name: str
    state: State
    told: str
    mend: str = ""


def examine(library: Path, max_bytes: int, *, verify: bool = False) -> Iterator[Finding]:
    """Look at everything, one thing after the other.

    Args:
        library: its folder.
        max_bytes: the cap of its cache.
        verify: also read every cache file against its checksum.
    """
    looks = (
        ("versions", _versions),
        ("kernel", _kernel),
        ("FFTW", _fftw),
        ("real time", try_realtime),
        ("locked memory", try_locking),
        ("shared memory", lambda: _shared_memory(runtime_path())),
        ("devices", _devices),
        ("plug-ins", _plugins),
        ("library", lambda: _library(library)),
        ("cache", lambda: _cache(library, max_bytes, verify=verify)),
    )
    for name, look in looks:
        try:
            state, told, mend = look()
        except Exception as error:  # one look that fails must not hide the others
            state, told, mend = "problem", f"{type(error).__name__}: {printable(error)}", ""
        yield Finding(name=name, state=state, told=told, mend=mend)


_Found = tuple[State, str, str]


def _versions() -> _Found:
    found, missing = [f"python {platform.python_version()}"], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        return "problem", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}"
    return "ok", ", ".join(found), ""


def _kernel() -> _Found:
    try:
        level = importlib.import_module("remixd._kernel.simd").LEVEL
        importlib.import_module("remixd._kernel.host")
    except ImportError as error:
        return "problem", printable(error), "make build (REMIXD_SIMD=baseline for an older CPU)"
    if level == "baseline" and _cpu_is_wide():
        return "note", "built for any CPU; this one could do more", "REMIXD_SIMD=x86-64-v3 make build"
    return "ok", f"built for {level}, which this CPU has", ""


def _cpu_is_wide() -> bool:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return set(flags) >= WIDE_FLAGS


def _fftw() -> _Found:
    try:
        fftw = ctypes.CDLL("libfftw3f.so.3")
    except OSError:
        return "problem", "its library is not here", "apt install libfftw3-single3"
    version = (ctypes.c_char * 64).in_dll(fftw, "fftwf_version").value.decode("ascii", "replace")
    wisdom = user_cache_path() / "fftwf.wisdom"
    shown = printable(wisdom)
    if not wisdom.exists():
        parent = _nearest(wisdom.parent)
        if not os.access(parent, os.W_OK):
            return "note", f"{version}; its plans cannot be kept in {shown}", f"make {parent} writable"
        return "ok", f"{version}; its plans are measured at the first start and kept in {shown}", ""
    if not fftw.fftwf_import_wisdom_from_filename(os.fsencode(wisdom)):
        return (
            "note",
            f"{version}; its plans in {shown} cannot be read: they are measured anew",
            f"rm {shown}",
        )
    return "ok", f"{version}, plans in {shown}", ""


def try_realtime() -> tuple[State, str, str]:
    """Ask for SCHED_FIFO in a thread that ends at once: state, what came of it, and what mends it."""
    refusal: list[OSError] = []

    def ask() -> None:  # in a thread of its own, which takes the priority with it when it ends
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        except OSError as error:
            refusal.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    if refusal:
        told = f"SCHED_FIFO is refused ({refusal[0].strerror}): sound may drop out when the machine is busy"
        return "note", told, _limits("rtprio 95")
    return "ok", f"SCHED_FIFO {PRIORITY} is granted", ""


def _limits(limit: str) -> str:
    return f"put '@audio - {limit}' into /etc/security/limits.d/remixd.conf, join audio, log in again"


def try_locking() -> tuple[State, str, str]:
    """Lock some memory for a moment: state, what came of it, and what mends it."""
    libc = ctypes.CDLL(None, use_errno=True)
    with mmap.mmap(-1, LOCKED_BYTES) as memory:
        first = ctypes.c_char.from_buffer(memory)
        try:
            refused = libc.mlock(ctypes.c_void_p(ctypes.addressof(first)), ctypes.c_size_t(LOCKED_BYTES))
            reason = os.strerror(ctypes.get_errno())
        finally:
            del first
    if refused:
        told = (
            f"{size_text(LOCKED_BYTES)} cannot be locked ({reason}): sound may drop out when memory is short"
        )
        return "note", told, _limits("memlock unlimited")
    return "ok", f"{size_text(LOCKED_BYTES)} can be locked", ""


def _shared_memory(runtime: Path) -> _Found:
    shown, mend = printable(runtime), "set REMIXD_RUNTIME to a folder of your own in memory"
    there = _nearest(runtime)
    if runtime.exists():
        owner = runtime.lstat()
        if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != os.getuid() or owner.st_mode & 0o022:
            return "problem", f"{shown} is not a folder of this user alone", mend
    if not os.access(there, os.W_OK | os.X_OK):
        return "problem", f"{shown} cannot be made", mend
    each = importlib.import_module("remixd._kernel.shared").size_bytes()
    usage = shutil.disk_usage(there)
    told = f"{size_text(usage.free)} of {size_text(usage.total)} free in {shown}, {each >> 10} KiB a session"
    larger = "mount -o remount,size=256M /dev/shm (docker run --shm-size=256m)"
    if usage.free < each:
        return "problem", f"{told}: too little for one", larger
    if usage.free < SESSIONS_FEW * each:
        return "note", f"{told}: enough for {usage.free // each}", larger
    return "ok", told, ""


def _devices() -> _Found:
    try:
        found = list_devices()
    except RemixdError as error:
        return "note", str(error), ""
    if not found:
        return "note", "no sound device; sessions can play into streams and files", "remixd devices"
    default = next((device.name for device in found if device.default), "none")
    return "ok", f"{len(found)}, the default is {printable(default)}", ""


def _plugins() -> _Found:
    known = known_plugins()
    there, looked_at = {str(path) for path in find_files()}, {plugin.path for plugin in known}
    faulty = [plugin for plugin in known if plugin.fault]
    told = f"{len(known) - len(faulty)} can be used in racks"
    if there - looked_at:
        return "note", f"{told}; {len(there - looked_at)} were never looked at", "remixd plugins scan"
    if faulty:
        return (
            "note",
            f"{told}; {len(faulty)} cannot, such as {printable(faulty[0].name)}",
            "remixd plugins list",
        )
    return "ok", told, ""


def _library(folder: Path) -> _Found:
    shown = printable(folder)
    if not folder.exists():
        if not os.access(_nearest(folder), os.W_OK):
            return "problem", f"{shown} cannot be made", "name another with --library or REMIXD_LIBRARY"
        return "ok", f"{shown} is made at the first import", ""
    broken = []
    with Library(folder) as library:
        rows = library.tracks()
        for row in rows:
            try:
                library.get(row.id)
            except RemixdError as error:
                broken.append(str(error))
    usage = shutil.disk_usage(folder)
    told = f"{len(rows)} tracks in {shown}, {size_text(usage.free)} free"
    if broken:
        return "note", f"{told}; {len(broken)} broken: {broken[0]}", "import them again"
    if not os.access(folder, os.W_OK):
        return "note", f"{told}; read-only: no imports, no daemon", "name another with --library"
    if usage.free < DISK_LEAST_BYTES:
        return "note", f"{told}: the disk is nearly full", "make room"
    return "ok", told, ""


def _cache(folder: Path, max_bytes: int, *, verify: bool) -> _Found:
    used = used_bytes(folder)
    told = f"{size_text(used)} of at most {size_text(max_bytes)}"
    faults = list(_faults(folder)) if verify else []
    if faults:
        return ("note", f"{told}; {len(faults)} damaged: {faults[0]}", "play it: it is built again by itself")
    if used > max_bytes:
        return "note", f"{told}: more than it may be", "remixd serve drops what nobody plays"
    return "ok", f"{told}{', all as it was built' if verify else ''}", ""


def _faults(folder: Path) -> Iterator[str]:
    """What is damaged or stale in a library's cache."""
    if not folder.exists():
        return
    trust = Trust()
    with Library(folder) as library:
        for row in library.tracks():
            try:
                track = library.get(row.id)
                yield from filter(None, check(track, cache_folder(folder, row.id), trust).values())
            except RemixdError as error:
                yield str(error)


def _nearest(path: Path) -> Path:
    """The nearest folder above a path that is there, or the path itself."""
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))
