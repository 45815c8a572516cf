"""The engine process: a render thread that owns the sound, and a housekeeping thread that serves control.

Control speaks to housekeeping over a Unix socket in the engine's directory, one JSON object a line, each
answered by one line: slow things such as loading a session. What must be fast goes through each session's
own mailboxes in shared memory, which whoever renders it drains before every block.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any, Final

from remixd._kernel import fft, presence, session, simd
from remixd._kernel.mailbox import CommandEntry
from remixd._kernel.player import Player
from remixd._kernel.resume import next_clock, resume
from remixd._kernel.shared import SessionMemory
from remixd.engine.device import BLOCKS, DeviceError
from remixd.engine.hosted import BLOCKS_BETWEEN, blocks_for
from remixd.engine.hosts import Hosts
from remixd.engine.outputs import DeviceOutput, FileOutput, HostOutput, Output
from remixd.engine.patterns import Patterns, bank_id
from remixd.engine.players import Players
from remixd.engine.racks import Racks
from remixd.engine.realtime import hurry_thread, pin_thread, quiet_python
from remixd.engine.rehearsal import rehearse
from remixd.engine.serving import Stopping, serve
from remixd.units import PACKET_FRAMES, RATE_HZ

MARGIN_NS: Final = 20_000_000
"""How long from now a session that goes on here is heard again, at the least."""

AHEAD_FRAMES: Final = 10 * RATE_HZ
"""How much of every playing stem is kept in memory ahead of the playhead."""


JUMP_FRAMES: Final = RATE_HZ
"""How much is kept from where a loop begins, and from each cue."""


class Engine:
    """One engine process. Thread: [housekeeping]."""

    def __init__(self, notes: list[str]) -> None:
        self._hosts = Hosts()
        self._sessions: dict[int, tuple[session.Session, Output]] = {}
        self._players = Players()
        self._patterns = Patterns(self._players.open)
        self._racks = Racks(live=True)
        self._notes = notes
        self._costs: dict[str, float] = {}
        self._cues: dict[int, list[tuple[int, int]]] = {}
        self._hurries = False
        self._is_prompt = False  # whether it, and so the processes of plug-ins, may go before others

    def start(self) -> None:
        """Start the render thread and wait until it knows what it was granted."""
        self._costs = rehearse()
        quiet_python()
        refused = self._hosts.start()
        self._is_prompt = not refused
        self._notes += refused
        hurry_thread()

    def stop(self) -> None:
        """Fade every session out, all at once, then end the render threads."""
        for _, output in self._sessions.values():
            output.fade()
        for key in list(self._sessions):
            self._leave(key)
        self._hosts.stop()

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to look after."""
        return not self._sessions

    @property
    def hurries(self) -> bool:
        """Whether something waits to be looked after at once."""
        return self._hurries

    def tick(self) -> None:
        """Look after devices, free what no deck plays any more, bring what comes next into memory."""
        self._hurries = False
        for key, (playing, output) in self._sessions.items():
            output.tick()
            self._players.collect(playing)
            self._patterns.collect(playing)
            self._racks.collect(playing)
            self._racks.tick(playing.key, output.frames_together)
            self._hosts.settle(playing)
            playing.touch_ahead(AHEAD_FRAMES, JUMP_FRAMES, self._cues.get(key, ()))

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what one request asks. What goes wrong is answered with `error`, in a sentence."""
        try:
            return self._do(request)
        except DeviceError as error:
            told = {"kind": "unavailable", "error": str(error)}
        except FileExistsError as error:
            told = {"kind": "exists", "error": f"{error.filename} is there already"}
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            told = {"kind": "invalid", "error": str(error)}
        except OSError as error:
            told = {"kind": "exhausted", "error": f"{error.filename}: {error.strerror}"}
        except MemoryError:
            told = {"kind": "exhausted", "error": "there is not enough memory for another player"}
        self._players.let_go()  # what was opened for nothing
        return told

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.get("op"):
            case "hello":
                return {
                    "pid": os.getpid(), "notes": self._notes, "simd": simd.LEVEL, "costs": self._costs,
                }  # fmt: skip
            case "pin":
                self._hosts.pin(request["render"])
                pin_thread(0, request["rest"])
                return {}
            case "measure":
                return self._measure()
            case "tallies":
                return dict(self._hosts.tallies())
            case "play":
                return self._play(request)
            case "resume":
                return self._resume(request)
            case "lead":
                return {"set": self._hosts.set_lead(int(request["key"]), int(request["lead_ns"]))}
            case "load":
                return self._load(request)
            case "pattern":
                return self._lay(request)
            case "rack":
                return self._rack(request)
            case "withdraw":
                return self._withdraw(request)
            case "outputs":
                if "cues" in request:  # where each session may jump to: players and source frames
                    self._cues = {
                        int(key): [(int(player), int(frame)) for player, frame in cues]
                        for key, cues in request["cues"]
                    }
                return {
                    "outputs": [
                        [
                            *(key, it.state, it.latency_s, self._racks.keys(key), self._racks.plugins(key)),
                            self._players.keys(key),
                        ]
                        for key, (_, it) in self._sessions.items()
                    ]
                }
            case "leave":
                return {"faded": self._leave(int(request["key"]))}
            case op:
                return {"kind": "invalid", "error": f"the engine knows no {op!r}"}

    def _measure(self) -> dict[str, Any]:
        """What sessions take: the render threads', and beside it those that devices' callbacks render."""
        mean, worst, late = self._hosts.load()
        costs = self._hosts.costs()
        devices = {key: output.cost for key, (_, output) in self._sessions.items() if output.cost}
        beside = sum(devices.values())
        return {
            "mean": mean + beside, "worst": worst + beside, "late": late,
            "costs": list({**costs, **devices}.items()),
        }  # fmt: skip

    def _play(self, request: dict[str, Any]) -> dict[str, Any]:
        path = Path(request["memory"])
        player = request["player"]
        words = self._players.read(player) if player is not None else {}
        memory = _memory(path, request)
        try:
            playing = session.Session(
                **words,
                apart=memory.stems,
                start=int(request["start"]),
                mix=request["mix"],
                reports=memory.reports,
                checkpoints=memory.checkpoints,
                trace=memory.trace,
                key=int(request["key"]),
            )
            missing = self._lay_racks(playing, request)
            rings = [memory.ring, *([memory.stems] if memory.stems else [])]
            locked = all([playing.lock_memory(), *(ring.lock_memory() for ring in rings)])
            locked = memory.trace.lock_memory() and locked
            playing.touch_ahead(AHEAD_FRAMES)
            output = self._output(request["sink"], playing, memory, int(request["lead_ns"]))
        except BaseException:
            self._racks.forget(int(request["key"]))
            path.unlink()
            raise
        self._sessions[playing.key] = (playing, output)
        self._players.add(playing, [] if player is None else [int(player["key"])])
        return {"locked": locked, "latency_s": output.latency_s, "missing_racks": missing}

    def _resume(self, request: dict[str, Any]) -> dict[str, Any]:
        """Go on with a session of an engine that died, from what it left in shared memory."""
        path = Path(request["memory"])
        players = [Player(**self._players.read(score), key=int(score["key"])) for score in request["players"]]
        before = SessionMemory(Path(request["before"]))
        memory = _memory(path, request)
        try:
            playing = session.Session(
                apart=memory.stems,
                mix=request["mix"],
                reports=memory.reports,
                checkpoints=memory.checkpoints,
                trace=memory.trace,
                key=int(request["key"]),
            )
            for player in players:
                playing.shelve(player)
            missing = self._lay_racks(playing, request)
            commands = [CommandEntry(*each) for each in request["commands"]]
            anchor_ns, clock = int(request["anchor_ns"]), int(request["clock"])
            if request["paced"]:
                now = (time.monotonic_ns() + MARGIN_NS - anchor_ns) * RATE_HZ // 1_000_000_000
                clock = max(clock, now)
            checkpoint = before.checkpoints.read() or b""
            clock = next_clock(clock, checkpoint)
            resume(playing, checkpoint, commands, clock)
            output = self._output(
                request["sink"], playing, memory, int(request["lead_ns"]), anchor_ns, before=before
            )
        except BaseException:
            self._racks.forget(int(request["key"]))
            path.unlink()
            raise
        self._sessions[playing.key] = (playing, output)
        self._players.add(playing, [player.key for player in players])
        self._hurries = True
        return {"clock": clock, "latency_s": output.latency_s, "missing_racks": missing}

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        """Lay a player down on a session's shelf, from where a command loads it. All of it, or nothing."""
        key = int(request["key"])
        if key not in self._sessions:
            return {"kind": "unavailable", "error": f"session {key} is not there"}
        playing, _ = self._sessions[key]
        score = request["player"]
        player = Player(**self._players.read(score), key=int(score["key"]))
        self._players.collect(playing)
        locked = player.lock_memory()
        player.touch(0, AHEAD_FRAMES)
        playing.shelve(player)
        self._players.add(playing, [player.key])
        return {"frames": player.frames_count, "locked": locked}

    def _lay(self, request: dict[str, Any]) -> dict[str, Any]:
        """Lay patterns of hits down for a session. All of them, or none."""
        key = int(request["key"])
        if key not in self._sessions:
            return {"kind": "unavailable", "error": f"session {key} is not there"}
        self._patterns.lay(self._sessions[key][0], request["patterns"], request["withdraw"])
        self._players.let_go()
        return {"bank": bank_id()}

    def _lay_racks(self, playing: session.Session, request: dict[str, Any]) -> list[int]:
        """Lay down the racks of a session that another engine had; the keys of those that cannot be built."""
        missing = []
        for score in request.get("racks", ()):
            try:
                self._racks.put(playing, *self._racks.build(score))
            except ValueError:
                missing.append(int(score["key"]))
        return missing

    def _rack(self, request: dict[str, Any]) -> dict[str, Any]:
        """Lay a rack down for a session, from where a command uses it; a first one moves the session."""
        key = int(request["key"])
        if key not in self._sessions:
            return {"kind": "unavailable", "error": f"session {key} is not there"}
        playing, output = self._sessions[key]
        together = blocks_for(output.frames_together)
        between = together if self._is_prompt else max(together, BLOCKS_BETWEEN)
        rack, built = self._racks.build({**request["rack"], "blocks_between": between})
        self._racks.collect(playing)
        self._racks.put(playing, rack, built)
        self._hosts.settle(playing)
        return {
            "delay_frames": built.delay_frames, "owed_frames": built.owed_frames, "cost_ns": built.cost_ns,
            "blocks_between": between,
        }  # fmt: skip

    def _withdraw(self, request: dict[str, Any]) -> dict[str, Any]:
        """Free players and racks that were laid down, and never used."""
        key = int(request["key"])
        if key in self._sessions:
            playing, _ = self._sessions[key]
            self._players.withdraw(playing, [int(each) for each in request.get("players", ())])
            self._racks.withdraw(playing, [int(each) for each in request.get("racks", ())])
        return {}

    def _output(
        self,
        sink: dict[str, Any],
        playing: session.Session,
        memory: SessionMemory,
        lead_ns: int,
        anchor_ns: int = 0,
        before: SessionMemory | None = None,
    ) -> Output:
        common = (self._hosts, playing, memory, lead_ns)
        name = sink["name"]
        match sink["kind"]:
            case "stream" | "null":
                return HostOutput(*common, paced=name != "fast", anchor_ns=anchor_ns)
            case "file":
                ring = before.ring if before else None
                return FileOutput(*common, Path(name), anchor_ns=anchor_ns, before=ring)
            case "device":
                return DeviceOutput(*common, name, sink["block_frames"], anchor_ns=anchor_ns)
            case kind:
                raise ValueError(f"the engine has no sink {kind!r}")

    def _leave(self, key: int) -> tuple[int, int]:
        """Fade a session out: the end and the frames of its fade, where a device's callback did it."""
        if key not in self._sessions:
            return 0, 0
        _, output = self._sessions.pop(key)
        output.close()
        self._players.forget(key)
        self._patterns.forget(key)
        self._racks.forget(key)
        return output.faded


def _memory(path: Path, request: dict[str, Any]) -> SessionMemory:
    """Make what a session shares with control."""
    sink = request["sink"]
    block_frames = max(int(sink["block_frames"]), BLOCKS[0]) if sink["kind"] == "device" else PACKET_FRAMES
    return SessionMemory(path, create=True, apart=bool(request.get("apart")), block_frames=block_frames)


def _stop(_signal: int, _frame: object) -> None:
    raise Stopping


def run(directory: Path, wisdom: Path) -> int:
    """Be an engine in `directory` until SIGTERM, or until no control needs it; then remove the directory.

    Returns the exit status. When control hangs up, what plays goes on for a while, for another to find it.

    Everything goes through SIGTERM or the socket; Ctrl-C in a terminal reaches control, which then stops
    its engines in order.
    """
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    note = fft.prepare(wisdom)
    engine = Engine([note] if note else [])
    try:
        engine.start()
        presence.announce(directory)
        serve(engine, directory)
    except Stopping:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        engine.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return 0
