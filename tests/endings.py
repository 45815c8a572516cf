"""Programs that end while much is open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

OPEN = {
    "console": "client.console(SESSION)",
    "command": "client.console(SESSION).play('A')",
    "watch": "next(client.watch(SESSION))",
    "packets": "client.packets(SESSION)",
    "thread": "threading.Thread(target=list, args=(client.watch(SESSION),), daemon=True).start()",
    "signals": "express(client.signals(SESSION))",
    "callback": "express(client.signals(SESSION, on_answer=lambda _: time.sleep(60)))",
}
"""What may be open at the end, by a name."""

PROGRAM = """
import sys, threading, time
from remixd.client import Client, Signal

def express(stream):
    for number in range(500):
        stream.put(Signal(id=str(number), reaction="like"))
    return stream

client = Client(sys.argv[1])
SESSION = sys.argv[2]
"""


def exit_codes(address: object, session: str, bodies: Iterable[str], patience_s: float = 60.0) -> list[int]:
    """Run programs side by side; how each one ended. Raises TimeoutExpired if one does not end."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM + body, str(address), session], stdout=subprocess.DEVNULL
        )
        for body in bodies
    ]
    try:
        return [process.wait(patience_s) for process in running]
    finally:
        for process in running:
            process.kill()
