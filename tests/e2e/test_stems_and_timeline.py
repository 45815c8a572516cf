"""Stems one by one, and what comes, from the real engine through the real daemon."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import SONG_S, STEMS_HZ, Daemon, run

from remixd.client import Client, Event, Packet, Timeline, TimelineBeat
from remixd.errors import InvalidInput
from remixd.units import RATE_HZ

OPEN = "\n[rights]\nvocals_solo = true\n"


@pytest.fixture(scope="module")
def daemon(song: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("apart")
    assert run("import", song, "--library", folder / "library").returncode == 0
    running = Daemon(folder / "library", folder / "errors")
    yield running
    running.stop()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with daemon.client() as opened:
        yield opened
        for session in opened.sessions():
            opened.delete_session(session.id)


def say(daemon: Daemon, rights: str) -> str:
    """What may be done to the song; its id."""
    [path] = (daemon.library / "tracks").glob("*/track.toml")
    path.write_text(path.read_text().partition("\n[rights]")[0] + rights)
    return path.parent.name


def level(pcm: np.ndarray, name: str) -> float:
    """The amplitude of one stem of the song, a sine."""
    turning = np.exp(-2j * np.pi * STEMS_HZ[name] * np.arange(len(pcm)) / RATE_HZ)
    window = np.hanning(len(pcm))
    return float(abs(np.sum(pcm * window * turning)) * 2 / np.sum(window))


def taken(packets: object, count: int) -> list[Packet]:
    return [next(packets) for _ in range(count)]  # type: ignore[call-overload]


@pytest.mark.parametrize("directed", [False, True])
def test_stems_are_heard_one_by_one_and_add_up_to_the_mix(
    daemon: Daemon, client: Client, directed: bool
) -> None:
    track = say(daemon, OPEN)
    session = client.create_session(track, directed=directed, stems=True)
    assert client.session(session.id).stems == "one by one"
    with client.packets(session.id, stems=True) as apart, client.packets(session.id) as mixed:
        stems, mix = taken(apart, 60), taken(mixed, 60)
    assert stems[0].format.pairs == ("drums", "bass", "other", "vocals", "generated")
    by_sample = {packet.sample: packet.pcm for packet in mix}
    both = [packet for packet in stems if packet.sample in by_sample]
    assert len(both) > 40
    for packet in both:
        total = packet.pcm.reshape(-1, 5, 2).sum(axis=1)
        np.testing.assert_allclose(total, by_sample[packet.sample], atol=2e-6)
    pcm = np.concatenate([packet.pcm for packet in stems])[4_800:]
    for number, name in ((1, "bass"), (2, "other"), (3, "vocals")):
        assert level(pcm[:, 2 * number], name) == pytest.approx(0.2, rel=0.01)
        assert all(level(pcm[:, 2 * number], each) < 1e-3 for each in STEMS_HZ if each != name)


def test_stems_go_on_when_their_engine_dies(daemon: Daemon, client: Client) -> None:
    session = client.create_session(say(daemon, OPEN), stems=True)
    with client.packets(session.id, stems=True) as apart:
        before = taken(apart, 20)
        os.kill(client.session(session.id).engine_pid, signal.SIGKILL)
        after = taken(apart, 100)
    assert [packet.sequence for packet in after] == sorted(packet.sequence for packet in after)
    assert after[-1].sample > before[-1].sample + RATE_HZ // 2
    assert level(after[-1].pcm[:, 2], "bass") > 0.1


@pytest.mark.parametrize(
    ("rights", "named"),
    [("", "vocals_solo"), ('\n[rights]\nvocals_solo = true\nexport = "no"\n', "leave this machine")],
)
def test_rights_are_named_where_they_refuse_stems(
    daemon: Daemon, client: Client, rights: str, named: str
) -> None:
    track = say(daemon, rights)
    with pytest.raises(InvalidInput, match=named):
        client.create_session(track, stems=True)
    empty = client.create_session(stems=True)
    with client.console(empty.id) as console:
        console.load("A", track, wait=True)
        console.play("A", wait=True)
    assert client.session(empty.id).stems == "deck A is silent; by its rights"
    with pytest.raises(InvalidInput, match=named):
        next(client.packets(empty.id, stems=True))
    plain = client.create_session(track)
    with pytest.raises(InvalidInput, match="create one with stems"):
        next(client.packets(plain.id, stems=True))


def test_listen_writes_a_file_a_stem(daemon: Daemon, tmp_path: Path) -> None:
    track = say(daemon, OPEN)
    made = run("session", "create", track, "--stems", "--json", "--daemon", daemon.address)
    session = json.loads(made.stdout)["id"]
    done = run("listen", session, "--stems", "--seconds", "0.5", "-o", tmp_path / "apart", "--daemon",
               daemon.address)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "apart").iterdir()) == [
        "bass.wav", "drums.wav", "generated.wav", "other.wav", "vocals.wav",
    ]  # fmt: skip
    with wave.open(str(tmp_path / "apart" / "bass.wav")) as file:
        assert (file.getnframes(), file.getnchannels(), file.getframerate()) == (24_000, 2, RATE_HZ)
    run("session", "delete", session, "--daemon", daemon.address)


def assert_is_there(beat: TimelineBeat, packets: list[Packet]) -> None:
    """In the sample that was told, the song is at the beat to a millisecond, in its tempo or the new one."""
    before = [packet for packet in packets if packet.sample <= beat.sample][-1]
    into_s = (beat.sample - before.sample) / RATE_HZ
    off_s = [before.position_s + into_s * tempo - beat.position_s for tempo in (1.0, 1.15)]
    assert min(abs((off + SONG_S / 2) % SONG_S - SONG_S / 2) for off in off_s) < 0.001, beat


def test_beats_that_were_told_are_where_the_song_then_is(daemon: Daemon, client: Client) -> None:
    session = client.create_session(say(daemon, OPEN))
    events: list[Event] = []
    with client.watch(session.id, timeline=True, seconds=4.5) as watch, client.packets(session.id) as sound:
        while not isinstance(event := next(watch), Timeline):  # what was told before the tempo is to move
            events.append(event)
        events.append(event)
        watching = threading.Thread(target=lambda: events.extend(watch))
        watching.start()
        client.signal(session.id, {"tempo": 1.15}, at="bar")
        packets = taken(sound, 400)
        watching.join()
    told = [event for event in events if isinstance(event, Timeline)]
    assert [each.revision for each in told] == sorted({each.revision for each in told})
    revised = [(each.revision, each.revised_sample) for each in told if each.revised_sample is not None]
    assert revised
    checked = 0
    for each in told:
        limits = [sample for revision, sample in revised if revision > each.revision]
        for beat in each.beats:
            if packets[0].sample < beat.sample < min([*limits, packets[-1].sample]):
                assert_is_there(beat, packets)
                checked += 1
    assert checked > 8
    assert told[-1].bpm == pytest.approx(138.0, rel=0.01)
    assert 0.0 < (told[-1].beats[-1].host_ns - time.monotonic_ns()) / 1e9 < 30.0
    assert told[-1].unix_s == pytest.approx(time.time(), abs=5.0)


def test_the_command_line_prints_the_beats_that_come(daemon: Daemon) -> None:
    track = say(daemon, OPEN)
    made = run("session", "create", track, "--json", "--daemon", daemon.address)
    session = json.loads(made.stdout)["id"]
    done = run("watch", session, "--timeline", "--seconds", "1.5", "--daemon", daemon.address)
    assert done.returncode == 0, done.stderr
    assert "timeline 1: " in done.stdout
    assert "  bar" in done.stdout
    told = run("watch", session, "--timeline", "--seconds", "1.5", "--json", "--daemon", daemon.address)
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert next(event for event in events if event["event"] == "timeline")["beats"]
    run("session", "delete", session, "--daemon", daemon.address)
