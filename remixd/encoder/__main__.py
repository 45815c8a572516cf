"""Run the encoder: `python -m remixd.encoder`. Started by control.

It takes commands on its standard input and gives packets on its standard output (`remixd.encoder.wire`), and
ends when its input does.
"""

from __future__ import annotations

import sys

from remixd.encoder.serving import run

if __name__ == "__main__":
    sys.exit(run())
