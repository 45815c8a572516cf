"""Build remixd: the Cython kernel (`ext/`) and the Python faces of the protos (`proto/`).

Environment:
    REMIXD_SIMD      `x86-64-v3` (the default; ignored on other machines) or `baseline`.
    REMIXD_CHECKED   `1` builds the kernel with bounds checks and little optimisation.
    REMIXD_ANNOTATE  `1` writes Cython's annotated HTML beside the C files in `build/`.
    REMIXD_KERNEL    `later` installs without the kernel, for `build_ext --inplace` to build it once.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
PROTOS = ("common", "tracks", "sessions", "audience", "console", "presets", "stats", "journal")
KERNEL_NOUNS = (
    "simd",
    "ring",
    "trace",
    "worst",
    "mailbox",
    "fft",
    "regions",
    "stem",
    "elastic",
    "resample",
    "stretch",
    "slices",
    "grid",
    "reader",
    "player",
    "shelf",
    "strip",
    "knob",
    "sampler",
    "svf",
    "isolator",
    "sweep",
    "echo",
    "tilt",
    "drive",
    "space",
    "tone",
    "channel",
    "deck",
    "bus",
    "apart",
    "meter",
    "waiting",
    "gains",
    "toning",
    "moves",
    "rack",
    "racks",
    "racking",
    "effects",
    "describe",
    "marks",
    "follow",
    "loops",
    "layer",
    "loading",
    "transport",
    "checkpoint",
    "mixing",
    "session",
    "foresight",
    "patterns",
    "host",
    "feed",
    "exchange",
    "insert",
    "launch",
    "ideal",
    "taste",
)

CHECKED = os.environ.get("REMIXD_CHECKED") == "1"
LATER = os.environ.get("REMIXD_KERNEL") == "later"
SIMD = os.environ.get("REMIXD_SIMD", "x86-64-v3")
if SIMD not in ("x86-64-v3", "baseline"):
    sys.exit(f"REMIXD_SIMD is {SIMD!r}; it must be x86-64-v3 or baseline")
WIDE = SIMD == "x86-64-v3" and platform.machine() in ("x86_64", "AMD64")

C_FLAGS = ["-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-fwrapv", "-Wno-unused-function"]
C_FLAGS += ["-O1", "-g"] if CHECKED else ["-O3"]


def pkg_config(option: str, package: str) -> list[str]:
    """Ask pkg-config, and say what to install when it does not know the package."""
    try:
        done = subprocess.run(["pkg-config", option, package], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        sys.exit(f"pkg-config does not find {package}; on Debian: apt install pkg-config libfftw3-dev")
    return done.stdout.split()


def flags(noun: str) -> list[str]:
    """The compiler's flags for one kernel module."""
    if noun == "simd":  # runs before the CPU is known to be wide enough
        return [*C_FLAGS, f"-DREMIXD_WIDE={int(WIDE)}"]
    return [*C_FLAGS, "-march=x86-64-v3"] if WIDE else C_FLAGS


def forget_stale(made: Path) -> None:
    """Delete C files that are older than any .pxd: Cython looks for a module's own beside the .pyx only."""
    newest = max(face.stat().st_mtime for face in (ROOT / "remixd" / "_kernel").glob("*.pxd"))
    for c in made.glob("*.c"):
        if c.stat().st_mtime < newest:
            c.unlink()


class BuildKernel(build_ext):
    """Makes C of the kernel's Cython, and builds that: not before it is asked for."""

    def initialize_options(self) -> None:
        """Compile as many files at a time as there are processors."""
        super().initialize_options()
        self.parallel = True

    def build_extensions(self) -> None:
        """Make the C files, then the modules."""
        made_in = "build/cython-checked" if CHECKED else "build/cython"
        forget_stale(ROOT / made_in / "ext")
        made = cythonize(
            self.extensions,
            include_path=[str(ROOT)],
            build_dir=made_in,
            annotate=os.environ.get("REMIXD_ANNOTATE") == "1",
            compiler_directives={
                "language_level": 3,
                "boundscheck": CHECKED,
                "wraparound": False,
                "initializedcheck": CHECKED,
                "cdivision": True,
                "freethreading_compatible": False,
            },
        )
        for extension, c in zip(self.extensions, made, strict=True):
            extension.sources = c.sources
            extension.extra_compile_args += pkg_config("--cflags", "fftw3f")
            extension.extra_link_args += [*pkg_config("--libs", "fftw3f"), "-lm", "-lpthread"]
        super().build_extensions()


def generate_protos() -> None:
    """Write remixd/v1/*_pb2*.py from proto/remixd/v1/*.proto."""
    import grpc_tools
    from grpc_tools import protoc

    target = ROOT / "remixd" / "v1"
    target.mkdir(exist_ok=True)
    (target / "__init__.py").write_text('"""Generated from proto/remixd/v1 by setup.py."""\n')
    sources = [f"remixd/v1/{name}.proto" for name in PROTOS]
    arguments = [
        "protoc",
        f"-I{ROOT / 'proto'}",
        f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
        f"--python_out={ROOT}",
        f"--pyi_out={ROOT}",
        f"--grpc_python_out={ROOT}",
    ]
    if protoc.main(arguments + sources) != 0:
        sys.exit("the protos do not compile")


generate_protos()  # before setuptools looks for the package
setup(
    cmdclass={"build_ext": BuildKernel},
    ext_modules=[
        Extension(f"remixd._kernel.{noun}", [f"ext/{noun}.pyx"], extra_compile_args=flags(noun))
        for noun in KERNEL_NOUNS
        if not LATER
    ],
)
