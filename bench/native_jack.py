"""A JACK client as plain as one can be: what any program could do at this server.

A program of C, made here by the compiler and the JACK library that are on the machine. It plays one value;
each byte on its stdin is another one, taken at its next block. Each block it may burn CPU time, as an engine
that renders would. Or it only hears whoever plays, and counts the blocks that come and that do not.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from remixd.errors import Unavailable

from .children import end
from .departures import STEADY
from .jacks import Captured

SOURCE: Final = r"""
#define _GNU_SOURCE
#include <jack/jack.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static jack_client_t *client;
static jack_port_t *port;
static _Atomic long blocks, lost;
static jack_nframes_t next;
static _Atomic unsigned char wanted = 1;
static long cost;

static long spent_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return at.tv_sec * 1000000000L + at.tv_nsec;
}

static int process(jack_nframes_t frames, void *unused) {
    long began = cost ? spent_ns() : 0;
    float *out = jack_port_get_buffer(port, frames);
    float value = (float)atomic_load(&wanted) / 256;
    for (jack_nframes_t i = 0; i < frames; ++i) out[i] = value;
    if (cost) while (spent_ns() - began < cost) {}
    return 0 * (unused != 0);
}

static int listen(jack_nframes_t frames, void *unused) {
    jack_nframes_t now = jack_last_frame_time(client);
    int32_t apart = (int32_t)(now - next); /* back, too: the server's clock was set anew after a late cycle */
    if (next) atomic_fetch_add(&lost, apart / (int32_t)frames);
    next = now + frames;
    atomic_fetch_add(&blocks, 1);
    return 0 * (unused != 0);
}

static int connected(void) {
    const char **from = jack_get_ports(client, 0, JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput), **at = from;
    int done = 1;
    for (; at && *at && done; ++at)
        if (!(jack_port_flags(jack_port_by_name(client, *at)) & JackPortIsPhysical))
            done = jack_connect(client, *at, jack_port_name(port));
    jack_free(from);
    return !done;
}

/* SERVER BURN (ns a block): values on stdin, a byte each. SERVER -1: for each byte, the blocks that came and
   those that did not, so far. It ends with its input. */
int main(int words, char **word) {
    unsigned char byte;
    if (words < 3) return 2;
    cost = atol(word[2]);
    client = jack_client_open(cost < 0 ? "ear" : "native", JackNoStartServer | JackServerName, 0, word[1]);
    if (!client) return 1;
    port = jack_port_register(client, "port", JACK_DEFAULT_AUDIO_TYPE,
                              cost < 0 ? JackPortIsInput : JackPortIsOutput, 0);
    jack_set_process_callback(client, cost < 0 ? listen : process, 0);
    mlockall(MCL_CURRENT);
    if (!port || jack_activate(client) || (cost < 0 && !connected())) return 1;
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) == 1) {
        atomic_store(&wanted, byte);
        if (cost >= 0) continue;
        printf("%ld %ld\n", atomic_load(&blocks), atomic_load(&lost));
        fflush(stdout);
    }
    jack_client_close(client);
    return 0;
}
"""
PAUSE_S: Final = (0.01, 0.03)
"""Between bytes: longer than any block, and in step with none."""


class NativeJack:
    """The program, made once. Raises Unavailable, saying what to install, where it cannot be made here."""

    def __init__(self) -> None:
        if shutil.which("cc") is None:
            raise Unavailable("there is no C compiler: on Debian, apt install build-essential")
        self._folder = tempfile.TemporaryDirectory(prefix="remixd-bench-")
        source, self._made = Path(self._folder.name) / "native.c", Path(self._folder.name) / "native"
        source.write_text(SOURCE, "utf-8")
        done = subprocess.run(
            ["cc", "-O2", "-o", self._made, source, "-ljack"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            self._folder.cleanup()
            raise Unavailable(
                "the JACK library's headers are missing: on Debian, apt install libjack-jackd2-dev"
            )

    def __enter__(self) -> NativeJack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def play(self, server: str, burn_ns: int = 0) -> Playing:
        """Play on a server, and burn so much CPU time each block. Raises Unavailable if it cannot."""
        return Playing([str(self._made), server, str(burn_ns)])

    def hear(self, server: str) -> Playing:
        """Hear who plays on a server. Raises Unavailable if nobody does."""
        return Playing([str(self._made), server, "-1"])


class Playing:
    """The program while it plays. Leave its `with` when done."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        if self._process.stdout.readline().strip() != b"ready":
            self.__exit__(None, None, None)
            raise Unavailable("the native JACK client finds no server, or nobody who plays")

    def __enter__(self) -> Playing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._process)

    def count(self) -> tuple[int, int]:
        """Of one that hears: the blocks that came so far, and those between them that did not."""
        assert self._process.stdin is not None  # noqa: S101 (they are pipes)
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(b"?")
        came, lost = map(int, self._process.stdout.readline().split())
        return came, lost

    def send(self, count: int) -> list[int]:
        """Send bytes, one after the other, each another than before; when each was."""
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        random = np.random.default_rng(count)
        sent_ns = []
        for number in range(count):
            sent_ns.append(time.monotonic_ns())
            self._process.stdin.write(bytes([2 + number % 2]))
            time.sleep(random.uniform(*PAUSE_S))
        return sent_ns


def heard_ms(captured: Captured, sent_ns: list[int]) -> list[float]:
    """How long each byte took to the first changed sample at the port; none beside a lost block."""
    found = []
    was_heard = True
    for began, until in zip(sent_ns, [*sent_ns[1:], int(captured.there_ns[-1])], strict=True):
        first, last = captured.index_at(began), captured.index_at(until)
        index = STEADY.departure(captured.samples, first, last)
        is_heard = index is not None and captured.is_whole(first, index + 1)
        if index is not None and is_heard and was_heard:  # else it may be the one before, that came late
            found.append((captured.time_ns(index) - began) / 1e6)
        was_heard = is_heard
    if not found:
        raise Unavailable("nothing of what the native JACK client played was heard")
    return found
