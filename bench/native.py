"""A thread that only keeps time: what this machine lets any program have.

It wakes as an engine's render thread does, in the same scheduling class on the same core, and burns the same
CPU time a block. It is as plain as such a thread can be: a program of C, made here by the compiler that is on
the machine. Beside it, ordinary threads burn what the rest of the daemon and its clients took.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

SOURCE: Final = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { PHASES = 1024, STEPS = 16, TICK = 10000000, APART = 100000000 };
static double share;

static int64_t now_ns(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void sleep_until(int64_t ns) {
    struct timespec at = { ns / 1000000000, ns % 1000000000 };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0);
}

static void burn(int64_t ns) {
    int64_t until = now_ns(CLOCK_THREAD_CPUTIME_ID) + ns;
    while (now_ns(CLOCK_THREAD_CPUTIME_ID) < until) {}
}

static void *stand_by(void *unused) {
    for (int64_t at = now_ns(CLOCK_MONOTONIC);; at += TICK) {
        sleep_until(at);
        burn((int64_t)(share * TICK));
    }
    return unused;
}

/* PERIOD BURN LASTS (ns) POLICY PRIORITY CORE BYSTANDERS SHARE STEP...: phases on stdin.
   Blocks are begun at every phase of every period. Told: how many, how many took longer than each step, and
   how many of these came APART from the one before. */
int main(int words, char **word) {
    int64_t period = atoll(word[1]), cost = atoll(word[2]), lasts = atoll(word[3]);
    int policy = atoi(word[4]), core = atoi(word[6]), steps = words - 9, count = 0;
    struct sched_param parameter = { atoi(word[5]) };
    int64_t phases[PHASES], longer[STEPS] = { 0 }, stalls[STEPS] = { 0 }, last[STEPS] = { 0 }, blocks = 0;
    pthread_t thread;
    while (count < PHASES && scanf("%ld", &phases[count]) == 1) ++count;
    share = atof(word[8]);
    for (int i = 0; i < atoi(word[7]); ++i) pthread_create(&thread, 0, stand_by, 0);
    mlockall(MCL_CURRENT);
    if (core >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET(core, &cores);
        sched_setaffinity(0, sizeof cores, &cores);
    }
    if (sched_setscheduler(0, policy, &parameter)) return 1;
    int64_t began = (now_ns(CLOCK_MONOTONIC) / period + 2) * period;
    for (int64_t turn = began; turn < began + lasts; turn += period)
        for (int i = 0; i < count; ++i) {
            int64_t at = turn + phases[i];
            if (now_ns(CLOCK_MONOTONIC) < at) sleep_until(at);
            burn(cost);
            int64_t now = now_ns(CLOCK_MONOTONIC);
            for (int j = 0; j < steps; ++j) {
                if (now - at <= atoll(word[9 + j])) continue;
                ++longer[j];
                stalls[j] += now - last[j] > APART;
                last[j] = now;
            }
            ++blocks;
        }
    printf("%ld", blocks);
    for (int j = 0; j < steps; ++j) printf(" %ld", longer[j]);
    for (int j = 0; j < steps; ++j) printf(" %ld", stalls[j]);
    return 0;
}
"""


APART_NS: Final = 100_000_000
"""Late blocks that are nearer to each other are one stall: of a thread that is behind, all are late."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """Of a thread that keeps time: its blocks, how many took longer than each step, in how many stalls."""

    blocks: int
    longer: tuple[int, ...]
    stalls: tuple[int, ...]

    def since(self, before: Lateness) -> Lateness:
        """What came after another reading of the same thread."""
        return Lateness(
            self.blocks - before.blocks,
            tuple(now - then for now, then in zip(self.longer, before.longer, strict=True)),
            tuple(now - then for now, then in zip(self.stalls, before.stalls, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Thread:
    """How a thread is scheduled: the system's numbers. A `core` of -1 is any."""

    policy: int = 0
    priority: int = 0
    core: int = -1


ORDINARY: Final = Thread()


class Native:
    """The program. Raises OSError where it cannot be made here. Close it when done."""

    def __init__(self) -> None:
        if shutil.which("cc") is None:
            raise OSError("there is no C compiler")
        self._folder = tempfile.TemporaryDirectory(prefix="remixd-bench-")
        source, self._made = Path(self._folder.name) / "paced.c", Path(self._folder.name) / "paced"
        source.write_text(SOURCE, "utf-8")
        done = subprocess.run(
            ["cc", "-O2", "-pthread", "-o", self._made, source], capture_output=True, text=True
        )
        if done.returncode:
            raise OSError(f"the C compiler fails: {done.stderr.strip()[-200:]}")

    def close(self) -> None:
        """Remove it."""
        self._folder.cleanup()

    def paced(
        self,
        phases_ns: Sequence[int],
        period_ns: int,
        burn_ns: int,
        seconds: float,
        *,
        thread: Thread = ORDINARY,
        beside: float = 0.0,
        steps_ns: Sequence[int] = (),
    ) -> Lateness:
        """Keep time.

        Args:
            phases_ns: when within every period a block is begun.
            period_ns: from one block of a phase to its next.
            burn_ns: CPU time of each.
            seconds: how long.
            thread: how it is scheduled.
            beside: how many cores' time ordinary threads burn meanwhile.
            steps_ns: from when a block should begin to when it ended.

        Raises OSError if the system does not grant that.
        """
        bystanders = math.ceil(beside)
        words = (
            period_ns, burn_ns, int(seconds * 1e9), thread.policy, thread.priority, thread.core, bystanders,
            beside / max(bystanders, 1), *steps_ns,
        )  # fmt: skip
        done = subprocess.run(
            [self._made, *map(str, words)], input=" ".join(map(str, sorted(phases_ns))), text=True,
            stdout=subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode:
            raise OSError("the native thread was not granted what the engine's was")
        blocks, *counts = map(int, done.stdout.split())
        return Lateness(blocks, tuple(counts[: len(steps_ns)]), tuple(counts[len(steps_ns) :]))


def ratio_upper(
    late: int, blocks: int, late_there: int, blocks_there: int, confidence: float = 0.95
) -> float:
    """The upper limit of the ratio of two Poisson rates, exact: the binomial of one count given their sum.

    Przyborowski and Wilenski (1940). Infinite where nothing was late there. All are taken as independent
    events, which blocks that one stall makes late are not.
    """
    if late_there == 0:
        return math.inf
    total = late + late_there
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    at = np.arange(late + 1)
    choose = logs[total] - logs[at] - logs[total - at]
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        terms = choose + at * math.log(share) + (total - at) * math.log1p(-share)
        if np.logaddexp.reduce(terms) > math.log(1 - confidence):
            low = share
        else:
            high = share
    return high / (1 - high) * blocks_there / blocks if high < 1 else math.inf
