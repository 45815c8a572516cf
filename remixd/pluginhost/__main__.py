"""Run plug-ins, or look at some.

    python -m remixd.pluginhost run PARENT RACK     started by an engine; RACK is JSON
    python -m remixd.pluginhost describe PATH       its last line is JSON

`run` takes blocks from the shared memory that is its descriptor 3, and tells how it goes in JSON lines on its
descriptor 4 (`remixd.pluginhost.serving`). `describe` prints `{"plugins": [...]}` or `{"error": SENTENCE}`.
"""

from __future__ import annotations

import json
import os
import sys

from remixd.pluginhost import scan, serving, vst3


def main(words: list[str]) -> int:
    """Do what the words say; returns the exit status."""
    match words:
        case ["run", parent, rack]:
            return serving.run(int(parent), json.loads(rack), vst3.load)
        case ["describe", path]:
            out = os.fdopen(os.dup(1), "w", encoding="utf-8")
            os.dup2(2, 1)  # plug-ins print what they like
            described = scan.describe(path)
            out.write(json.dumps(described) + "\n")
            out.flush()
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # plug-ins have threads, and crash when they are torn down
