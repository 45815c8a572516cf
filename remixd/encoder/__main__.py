"""Run the encoder: `python -m remixd.encoder`. Started by control.

It takes commands on its standard input and gives packets on its standard output (`remixd.encoder.wire`), and
ends when its input does: what is sent to all processes at the end of a daemon is control's to obey.
"""

from __future__ import annotations

import signal
import sys

from remixd.encoder.serving import run

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(run())
