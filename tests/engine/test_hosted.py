"""Plug-ins in a process of their own: whatever one does, the rack sounds on; it is told, and tried again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plugin_doubles
import pytest
from vst3s import zam

from remixd._kernel.insert import Insert
from remixd.engine import hosted as module
from remixd.engine.hosted import Hosted, blocks_for

BETWEEN = 4


@pytest.fixture
def host() -> Iterator[Callable[..., Hosted]]:
    """Makes a hosted double; every one is closed, and its process must be gone then."""
    made: list[Hosted] = []

    def make(**parameters: Any) -> Hosted:
        pauses_s = parameters.pop("pauses_s", (0.02, 0.02))
        element = {"path": "double", "parameters": parameters}
        made.append(
            Hosted([element], blocks_between=BETWEEN, command=plugin_doubles.COMMAND, pauses_s=pauses_s)
        )
        return made[-1]

    yield make
    for each in made:
        pid = each._child.pid
        each.close()
        assert not Path(f"/proc/{pid}").exists(), "a process is left, or a zombie"


class Player:
    """Plays music through a hosted rack, block by block; housekeeping comes by every 16 blocks."""

    def __init__(self, it: Hosted) -> None:
        self.it = it
        self.sound = np.zeros((2, 0), np.float32)
        self.out = np.zeros((2, 0), np.float32)
        self.told: list[str] = []
        self.together = 64

    def play(self, blocks: int = 64) -> None:
        rng = np.random.default_rng(self.sound.shape[1])
        t = (np.arange(blocks * 64) + self.sound.shape[1]) / 48000
        tone = 0.2 * np.sin(2 * np.pi * 220.0 * t) + 0.1 * np.sin(2 * np.pi * 1470.0 * t)
        sound = (tone + 0.01 * rng.standard_normal((2, len(t)))).astype(np.float32)
        out = []
        for number in range(blocks):
            out.append(self.it.insert(np.ascontiguousarray(sound[:, number * 64 :][:, :64])).copy())
            if number % 16 == 0:
                self.it.tick(self.together)
                self.told += self.it.news()
        self.sound = np.concatenate([self.sound, sound], axis=1)
        self.out = np.concatenate([self.out, *out], axis=1)

    def play_until(self, done: Callable[[], bool], limit_s: float = 20.0) -> None:
        until = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < until, (self.it.state, self.told)
            self.play(16)
            time.sleep(0.001)

    def dry(self) -> np.ndarray:
        delay = self.it.delay_frames
        return np.concatenate([np.zeros((2, delay), np.float32), self.sound], axis=1)[:, : -delay or None]

    def is_wet_now(self) -> bool:
        return bool(np.array_equal(self.out[:, -64:], -self.dry()[:, -64:]))

    def is_dry_now(self) -> bool:
        return bool(np.array_equal(self.out[:, -64:], self.dry()[:, -64:]))

    def assert_no_click(self) -> None:
        after = self.it.delay_frames + 64
        allowed = 1.5 * np.abs(np.diff(self.sound, 2, axis=1)).max()
        assert np.isfinite(self.out).all()
        assert np.abs(np.diff(self.out[:, after:], 2, axis=1)).max() <= allowed


@pytest.mark.parametrize("latency", [0, 100])
def test_what_the_other_process_makes_of_it_is_heard_to_the_sample(
    host: Callable[..., Hosted], latency: int
) -> None:
    player = Player(host(gain=-1.0, latency=latency))
    assert player.it.delay_frames == BETWEEN * 64 + latency
    player.play(200)
    after = player.it.delay_frames
    assert np.array_equal(player.out[:, after:], -player.dry()[:, after:])
    assert player.told == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", "crashed (SIGSEGV)"),
        ("hang", "hangs"),
        ("spin", "hangs"),
        ("nonfinite", "no sound"),
        ("loud", "no sound"),
        ("shape", "(1, 64)"),
        ("raise", "it has no heart"),
    ],
)
def test_a_faulty_plug_in_is_bypassed_told_started_again_and_heard_again(
    host: Callable[..., Hosted], tmp_path: Path, fault: str, words: str
) -> None:
    player = Player(host(gain=-1.0, fault=fault, at=100, once=str(tmp_path / "once")))
    at = (100 + BETWEEN) * 64
    player.play(100)
    player.it.insert.wait_s = 0.5 if words == "no sound" else 0.002  # what never comes is not waited for
    player.play(24)
    assert np.array_equal(player.out[:, 256:6400], -player.dry()[:, 256:6400]), "wet up to the fault"
    assert np.array_equal(player.out[:, at + 240 :], player.dry()[:, at + 240 :]), (
        "dry 5 ms after the first lack"
    )
    player.it.insert.wait_s = 0.0
    player.play_until(lambda: any("plays again" in told for told in player.told))
    player.it.insert.wait_s = 1.0
    player.play_until(player.is_wet_now)
    player.assert_no_click()
    first, second, *_ = player.told
    assert words in first
    assert "bypassed, and started again in 0.02 s" in first
    assert second.endswith("it plays again")


def test_a_plug_in_that_is_late_is_dry_meanwhile_and_not_started_again(
    host: Callable[..., Hosted], tmp_path: Path
) -> None:
    player = Player(host(gain=-1.0, fault="late", at=60, once=str(tmp_path / "once")))
    pid = player.it._child.pid
    player.play(60)
    player.it.go_live()
    player.play(40)
    assert player.is_dry_now()
    player.it.insert.wait_s = 1.0
    player.play_until(player.is_wet_now)
    player.play(32)
    player.assert_no_click()
    assert player.it._child.pid == pid
    assert any("too late, and sounded dry" in told for told in player.told)


def test_a_plug_in_that_crashes_every_time_is_given_up(host: Callable[..., Hosted]) -> None:
    player = Player(host(fault="crash", at=3))
    player.it.go_live()
    player.play_until(lambda: player.it.state.startswith("given up"))
    player.play(64)
    assert player.is_dry_now()
    assert [told for told in player.told if "given up" in told] == player.told[-1:]
    assert sum("started again" in told for told in player.told) == 2


def play_too_late(player: Player, limit_s: float) -> None:
    """Have it answer a little, and always too late, until it is blamed for that, or so much time is over."""
    child = player.it._child.pid
    until = time.monotonic() + limit_s
    while time.monotonic() < until and player.it.state.startswith(("playing", "late")):
        os.kill(child, signal.SIGSTOP)
        player.play(2 * BETWEEN)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)
        time.sleep(0.01)


def test_a_plug_in_that_never_keeps_up_is_no_longer_waited_for(
    host: Callable[..., Hosted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE_S", 0.1)
    player = Player(host(gain=-1.0, pauses_s=()))
    player.it.go_live()
    play_too_late(player, 20.0)
    assert "too slow" in player.it.state


def test_a_plug_in_is_not_blamed_for_more_in_one_go_than_was_asked_for(
    host: Callable[..., Hosted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE_S", 0.1)
    player = Player(host(gain=-1.0, pauses_s=()))
    player.it.go_live()
    player.together = BETWEEN * 64 + 1
    play_too_late(player, 0.5)
    assert player.it.insert.late_blocks > 0
    assert player.it.state.startswith("late")
    player.play_until(player.is_wet_now)


@pytest.mark.parametrize(("frames", "blocks"), [(1, 1), (64, 1), (65, 2), (128, 2), (480, 8), (1 << 20, 32)])
def test_answers_have_the_time_of_what_is_rendered_in_one_go(frames: int, blocks: int) -> None:
    assert blocks_for(frames) == blocks
    assert Insert(blocks).delay_frames == 64 * blocks


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"load": "crash"}, "crashed"),
        ({"load": "raise"}, "no heart"),
        ({"load": "hang"}, "not loaded within"),
        ({"fault": "shape", "at": -201}, "(1, 64)"),
        ({"latency": 48_000}, "cannot be made up for"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_refused_in_a_sentence(
    host: Callable[..., Hosted], monkeypatch: pytest.MonkeyPatch, parameters: dict[str, Any], words: str
) -> None:
    if parameters.get("load") == "hang":
        monkeypatch.setattr(module, "LOAD_S", 0.5)
    before = children()
    with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")):
        host(**parameters)
    assert children() == before


@pytest.mark.parametrize("fault", ["crash", "raise", "nonfinite"])
def test_where_time_does_not_count_every_answer_is_waited_for_and_one_that_lacks_is_an_error(
    host: Callable[..., Hosted], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.5)
    it = host(gain=2.0, fault=fault, at=30)
    block = np.full((2, 64), 0.25, np.float32)
    for _ in range(30):
        heard = it(block)
    assert np.array_equal(heard, 2 * block)
    with pytest.raises(ValueError, match="double: "):
        list(map(it, [block] * (BETWEEN + 1)))


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text("utf-8").split())


def test_nothing_is_left_when_the_engine_is_killed() -> None:
    code = (
        "import sys, time; sys.path[:0] = sys.argv[1:]; import plugin_doubles;"
        "from remixd.engine.hosted import Hosted;"
        "it = Hosted([{'path': 'double'}], command=plugin_doubles.COMMAND);"
        "print(it._child.pid, flush=True); time.sleep(60)"
    )
    shared = set(Path("/dev/shm").iterdir())
    engine = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(plugin_doubles.__file__).parent)], stdout=subprocess.PIPE
    )
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    engine.kill()
    engine.wait()
    engine.stdout.close()
    until = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert {name for name in set(Path("/dev/shm").iterdir()) - shared if "plug" in name.name} == set()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_real_plug_in_is_delayed_by_its_own_latency_too() -> None:
    it = Hosted([{"path": str(zam("ZaMaximX2"))}], blocks_between=BETWEEN)
    try:
        assert it.delay_frames == BETWEEN * 64 + 480
        assert it.names == ["ZaMaximX2"]
        sound = np.zeros((2, 64 * 32), np.float32)
        sound[:, 100] = 0.01
        out = [
            it.insert(np.ascontiguousarray(sound[:, at : at + 64])).copy()
            for at in range(0, sound.shape[1], 64)
        ]
        assert np.abs(np.concatenate(out, axis=1)).argmax(axis=1).tolist() == [100 + it.delay_frames] * 2
        assert it.insert.late_blocks == 0
    finally:
        it.close()


def test_a_mono_plug_in_runs_once_a_channel_and_takes_parameters() -> None:
    parameters = {"time_ms": 10.0, "dry_wet": 1.0}
    it = Hosted([{"path": str(zam("ZamDelay")), "parameters": parameters}], blocks_between=BETWEEN)
    try:
        sound = np.zeros((2, 64 * 32), np.float32)
        sound[0, 100] = 0.5
        out = np.concatenate(
            [
                it.insert(np.ascontiguousarray(sound[:, at : at + 64])).copy()
                for at in range(0, sound.shape[1], 64)
            ],
            axis=1,
        )
        assert abs(int(np.abs(out[0]).argmax()) - (100 + it.delay_frames + 480)) <= 5
        assert np.abs(out[1]).max() < 1e-6
    finally:
        it.close()


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ({"parameters": {"zam": 1}}, "ZamPhono has no parameter 'zam'; it has "),
        ({"parameters": {"phono_filter_type": "loud"}}, "ZamPhono: "),
        ({"name": "ZamPhony"}, "holds no plug-in 'ZamPhony'"),
        ({"path": "/nowhere.vst3"}, "/nowhere.vst3 is not there"),
        ({"path": "/etc"}, "/etc is no plug-in that can be loaded"),
    ],
)
def test_a_rack_that_asks_for_what_is_not_there_is_refused_in_a_sentence(
    element: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Hosted([{"path": str(zam("ZamPhono"))} | element]).close()
