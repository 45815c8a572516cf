"""Run one engine: `python -m remixd.engine DIRECTORY WISDOM`. Started by the supervisor."""

from __future__ import annotations

import sys
from pathlib import Path

from remixd.engine.process import run

if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), Path(sys.argv[2])))
