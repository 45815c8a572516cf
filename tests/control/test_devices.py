"""Sound devices and files, for real: a JACK server of our own, and what arrives at its ports."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
import wave
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import run
from sounds import music, noise

from remixd.audience.signal import Signal
from remixd.control.admission import Load
from remixd.control.command import Applied
from remixd.control.journals import Journals
from remixd.control.recording import read_recording
from remixd.control.replay import Replay
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor
from remixd.errors import AlreadyExists, InvalidInput, Unavailable

needs_jack = pytest.mark.skipif(shutil.which("jackd") is None, reason="jackd2 is not installed")

if shutil.which("jackd") is not None:
    import jack  # finds libjack when it is imported

    jack.set_error_function(lambda _: None)


class Jack:
    """A JACK server with a dummy driver, under a name of its own."""

    def __init__(self) -> None:
        # JACK remembers eight servers on a machine, those that were killed too, unless one of the same name
        # comes again: so every test of one checkout uses the same.
        self.name = f"remixd-{zlib.crc32(__file__.encode()):08x}"
        self.process = subprocess.Popen(
            ["jackd", "-n", self.name, "-r", "-d", "dummy", "-r", "48000", "-p", "256"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, "the JACK server does not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            jack.Client("knock", servername=self.name, no_start_server=True).close()
        except jack.JackOpenError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(10)


@pytest.fixture
def jack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jack]:
    server = Jack()
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    yield server
    server.stop()


@pytest.fixture
async def device_sessions(
    jack_server: Jack,  # noqa: ARG001 (must run before the engine starts)
    shelf,
    runtime: Path,
) -> AsyncIterator[Sessions]:
    """Sessions on an engine that was started beside the JACK server."""
    supervisor = Supervisor(runtime / "instance")
    await supervisor.start()
    sessions = Sessions(shelf, supervisor)
    yield sessions
    await sessions.close()
    await supervisor.stop()


CAPTURE = """
import sys, time, numpy, jack
ears = jack.Client("ears", servername=sys.argv[1], no_start_server=True)
ports = [ears.inports.register(side) for side in ("left", "right")]
taken = numpy.zeros((2, int(float(sys.argv[2]) * 48000)), dtype=numpy.float32)
at = 0
@ears.set_process_callback
def take(frames):
    global at
    if at + frames <= taken.shape[1]:
        for side, port in enumerate(ports):
            taken[side, at:at + frames] = port.get_array()
        at += frames
with ears:
    sources = [p for p in ears.get_ports(is_audio=True, is_output=True) if not p.name.startswith("ears")
               and not p.is_physical]
    for source, port in zip(sources, ports):
        ears.connect(source, port)
    time.sleep(float(sys.argv[2]) + 0.3)
numpy.save(sys.argv[3], taken[:, :at].T)
"""


def capture(server: Jack, seconds: float, path: Path) -> np.ndarray:
    """What a JACK client of its own process hears at the ports of remixd."""
    subprocess.run(
        [sys.executable, "-c", CAPTURE, server.name, str(seconds), str(path)], check=True, timeout=30
    )
    return np.load(path)


def place(piece: np.ndarray, loop: np.ndarray) -> int | None:
    """Where in the loop a piece of sound is, exactly; None if it is nowhere."""
    doubled = np.concatenate([loop, loop[: len(piece)]])
    for at in np.flatnonzero(doubled[: len(loop), 0] == piece[0, 0]):
        if np.array_equal(doubled[at : at + len(piece)], piece):
            return int(at)
    return None


@needs_jack
async def test_what_arrives_at_the_port_is_the_offline_render(
    device_sessions: Sessions, jack_server: Jack, shelf, tmp_path: Path
) -> None:
    pcm = noise(96_000, level=0.1)
    shelf.add("song-00000001", {"other": pcm})
    session = await device_sessions.create("song-00000001", sink="device")
    assert session.sink == "device"
    heard = await asyncio.to_thread(capture, jack_server, 2.0, tmp_path / "heard.npy")
    loud = np.flatnonzero(np.abs(heard).max(axis=1) > 0)
    blocks = heard[loud[0] :][128:]
    blocks = blocks[: len(blocks) // 128 * 128].reshape(-1, 128, 2)
    assert len(blocks) > 500
    expected, equal, lost = place(blocks[0], pcm), 0, 0
    assert expected is not None, "the first block is the song, sample for sample"
    for block in blocks:
        if not np.array_equal(block, pcm[np.arange(expected, expected + 128) % len(pcm)]):
            lost += 1
            found = place(block, pcm)
            expected = found if found is not None else expected
        else:
            equal += 1
        expected = (expected + 128) % len(pcm)
    assert equal >= 0.95 * len(blocks), f"{lost} of {len(blocks)} blocks were lost or cut"


@needs_jack
@pytest.mark.parametrize("block_frames", [32, 1024])
async def test_blocks_of_any_size_play_the_song(device_sessions: Sessions, shelf, block_frames: int) -> None:
    pcm = noise(96_000, level=0.1)
    shelf.add("song-00000001", {"other": pcm})
    device_sessions._block_frames = block_frames
    session = await device_sessions.create("song-00000001", sink="device")
    listener = session.listen()
    packets = [await anext(listener) for _ in range(20)]
    listener.close()
    heard = np.concatenate([np.frombuffer(each.pcm, dtype=np.float32).reshape(-1, 2) for each in packets])
    at = packets[0].sample
    np.testing.assert_array_equal(heard, pcm[at : at + len(heard)])
    assert 0 < session.latency_s < 0.2


@needs_jack
async def test_a_wish_reaches_a_device_session_and_is_told(device_sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", {"other": music(96_000), "drums": noise(96_000)})
    session = await device_sessions.create("song-00000001", sink="device:jack")
    watcher = session.watch()
    session.receive([Signal(id="a", wishes={"drums": -60.0, "tempo": 1.1})])
    async for event in watcher:
        if isinstance(event, Applied):
            break
    watcher.close()
    listener = session.listen()
    packet = await anext(listener)
    while packet.sample < event.settled_sample + 48_00:
        packet = await anext(listener)
    listener.close()
    assert {move.dimension for move in event.moves} == {"drums", "tempo"}


@needs_jack
async def test_a_device_session_counts_in_what_its_engine_is_given(device_sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", {"other": music(96_000)})
    session = await device_sessions.create("song-00000001", sink="device")
    session.receive([Signal(id="a", wishes={"tempo": 1.1})])
    await asyncio.sleep(0.5)
    load = await Load.of(session.engine)
    assert 0.0 < load.costs[session.key] <= load.mean
    await device_sessions.delete(session.id)
    after = await Load.of(session.engine)
    assert session.key not in after.costs
    assert after.mean < load.mean


@needs_jack
async def test_a_device_session_is_replayed_to_the_end_of_its_fade(
    device_sessions: Sessions, shelf, tmp_path: Path
) -> None:
    track = shelf.add("song-00000001", {"other": np.full((96_000, 2), 0.25, np.float32)})
    async with Journals(tmp_path / "journals", tmp_path) as journals:
        device_sessions._journals = journals
        session = await device_sessions.create("song-00000001", sink="device")
        listener = session.listen()
        await asyncio.sleep(0.3)
        await device_sessions.delete(session.id)
        packets = [packet async for packet in listener]
        path = session.journal.path
    recording = read_recording(path)
    caches = {(track.id, stem.stem): stem for stem in (tmp_path / "cache" / track.id).glob("*.pcm")}
    again = np.concatenate(list(Replay(recording, caches).blocks()))
    assert recording.fade_frames in (128, 256), "a block of the device"
    heard = np.concatenate([np.frombuffer(each.pcm, np.float32).reshape(-1, 2) for each in packets])
    first = packets[0].sample
    assert len(again) == recording.end
    last = min(len(again), first + len(heard))
    assert last - first > 9600
    np.testing.assert_array_equal(again[first:last], heard[: last - first])
    assert (np.diff(again[-recording.fade_frames :, 0]) < 0).all()
    assert again[-1, 0] == 0.0
    assert not heard[len(again) - first :].any(), "silence follows"


@needs_jack
async def test_a_device_that_dies_is_told_and_the_clock_goes_on(
    device_sessions: Sessions, jack_server: Jack, shelf
) -> None:
    shelf.add("song-00000001", {"other": music(96_000)})
    session = await device_sessions.create("song-00000001", sink="device")
    await asyncio.sleep(0.3)
    before, at = session.status(), time.monotonic()
    assert before.sample > 0
    jack_server.stop(signal.SIGKILL)
    assert before.latency_s > 0
    while not session.status().device.startswith("lost"):
        assert time.monotonic() - at < 6
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    after = session.status()
    expected = before.sample + (time.monotonic() - at) * 48_000
    assert abs(after.sample - expected) < 0.25 * 48_000, "the clock is where it would have been"
    assert session.receive([Signal(id="b", wishes={"other": -6.0})])[0].accepted


@needs_jack
async def test_an_unknown_device_is_refused_with_those_there_are(device_sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", {"other": noise(48_000)})
    with pytest.raises(Unavailable, match=r"no sound device 'kitchen radio': there are .*JACK"):
        await device_sessions.create("song-00000001", sink="device:kitchen radio")
    assert device_sessions.all() == []


async def test_without_any_device_that_is_said(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", {"other": noise(48_000)})
    try:
        session = await sessions.create("song-00000001", sink="device")
    except Unavailable as error:
        assert "there is no sound device" in str(error)  # noqa: PT017 (a machine with a card plays instead)
    else:
        assert session.sink == "device"


async def hear_until(session: Session, sample: int) -> None:
    listener = session.listen()
    async for packet in listener:
        if packet.sample >= sample:
            break
    listener.close()


async def test_a_file_holds_what_was_played(sessions: Sessions, shelf, tmp_path: Path) -> None:
    pcm = noise(48_000)
    shelf.add("song-00000001", {"other": pcm})
    path = tmp_path / "out.wav"
    session = await sessions.create("song-00000001", sink=f"file:{path}")
    await hear_until(session, 48_000)
    await sessions.delete(session.id)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 3, 48_000)
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 3)
    samples = (np.pad(raw, ((0, 0), (1, 0))).view("<i4") >> 8).reshape(-1, 2) / 2**23
    assert len(samples) >= 48_000
    np.testing.assert_allclose(samples[:48_000], pcm, atol=2**-24)
    assert abs(samples[-1]).max() < 1e-6, "it fades out"


async def test_a_file_that_is_there_is_not_overwritten(sessions: Sessions, shelf, tmp_path: Path) -> None:
    shelf.add("song-00000001", {"other": noise(48_000)})
    path = tmp_path / "precious.wav"
    path.write_bytes(b"precious")
    with pytest.raises(AlreadyExists, match=r"precious\.wav is there already"):
        await sessions.create("song-00000001", sink=f"file:{path}")
    assert path.read_bytes() == b"precious"


async def test_a_null_sink_that_is_fast_runs_ahead_of_the_clock(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", {"other": noise(48_000)})
    fast = await sessions.create("song-00000001", sink="null:fast")
    paced = await sessions.create("song-00000001", sink="null")
    await asyncio.sleep(0.5)
    assert fast.status().sample > 10 * paced.status().sample > 0


@pytest.mark.parametrize(
    "text",
    ["radio", "device ", "null:slow", "file:relative.wav", "file:/tmp/x.mp3", "stream:x", "device:\x07", ""],
)
async def test_sinks_that_make_no_sense_are_refused_with_what_does(sessions, shelf, text: str) -> None:
    shelf.add("song-00000001", {"other": noise(48_000)})
    if not text:
        assert (await sessions.create("song-00000001", sink=text)).sink == "stream"
        return
    with pytest.raises(InvalidInput, match="sink"):
        await sessions.create("song-00000001", sink=text)


@needs_jack
def test_devices_are_listed_with_what_one_needs_to_know(jack_server: Jack) -> None:
    assert jack_server.name
    done = run("devices", "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert any(
        device["host_api"].startswith("JACK") and device["rate_hz"] == 48_000 and device["channels"] == 2
        for device in listed
    )
    assert "JACK" in run("devices").stdout
