"""VST3 bundles: Debian's zam-plugins where they are, and ones that are made to fail."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

ZAM = Path("/usr/lib/vst3")


def zam(name: str) -> Path:
    """One of Debian's zam-plugins; where it is not, the test is skipped."""
    path = ZAM / f"{name}.vst3"
    if not path.exists():
        pytest.skip("apt install zam-plugins")
    return path


def failing(folder: Path, name: str, code: str) -> Path:
    """A bundle whose module does this, in C, when it is loaded."""
    inside = folder / f"{name}.vst3" / "Contents" / f"{platform.machine()}-linux"
    inside.mkdir(parents=True)
    source = folder / f"{name}.c"
    source.write_text(
        "#include <signal.h>\n#include <unistd.h>\n"
        f"_Bool ModuleEntry(void *library) {{ {code}; return 1; }}\n"
        "_Bool ModuleExit(void) { return 1; }\n"
        "void *GetPluginFactory(void) { return 0; }\n"
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(inside / f"{name}.so"), str(source)], check=True)
    return folder / f"{name}.vst3"
