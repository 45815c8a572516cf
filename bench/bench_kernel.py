"""What does a session cost per second of sound, how even is that cost, and what do other stretchers cost?

Everything is rendered offline, in this thread, and the thread's own CPU time is read. What is compared takes
turns, a second of sound each, so that what the machine does meanwhile falls on all of it.

Sessions are measured whole, at three block sizes, over floors: what numpy needs for the bare arithmetic,
summing the stems with their gains, and the FFTs alone of a phase vocoder. Then a session of four stems is
compared with four streams of each peer. A peer's figure is its stretching alone: it mixes nothing, moves no
gains, limits and meters nothing; what a session costs more than the same session at tempo 1, its stretch
path, is told apart. Last, every block of sixty sessions together, and of one, is timed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np

from remixd._kernel.stem import Stem
from remixd.units import RATE_HZ, STEM_ROLES, StemRole

from . import ours
from .corpus import Performance
from .costs import Costs, PeerPlayer, Renders, measure_blocks, measure_seconds
from .floors import Idle, NumpyFfts, NumpySum
from .peers import Peer, Setting, available_peers
from .results import Case
from .runner import Task
from .songs import Audio, make_music

BLOCKS: Final = (64, 128, 512)
SONG_S: Final = 10.0
ROUNDS: Final = 20
ROUNDS_QUICK: Final = 5
SOFT: Final = 0.1
LOUD: Final = 0.5

VERSUS_BLOCK: Final = 256
TEMPO: Final = 1.1
SETTINGS: Final[Mapping[str, float]] = {"tempo 1.1": 0.0, "tempo 1.1, pitch +2, gains moving": 2.0}
"""Semitones of each. With pitch, vocals keep their formants where a peer can; drums are not transposed."""

HARNESS: Final = "harness alone"
REST: Final = f"{ours.NAME}, all but stretching"
"""The same session at tempo 1: stems are copied; strips, limiter and meters work as ever."""

STRETCH_PATH: Final = "stretch path"
"""What a session costs more than that."""

CROWD: Final = 60
CROWD_BLOCK: Final = 128
ALONE_BLOCK: Final = 64
WARM_UP: Final = (32, 96)
"""Blocks that sessions play before they are timed, from and below, drawn for each: nobody begins in step."""
EVEN_S: Final = 2.0
REPEATS: Final = 5
QUICK_S: Final = 0.5
REPEATS_QUICK: Final = 2


def run(task: Task) -> None:
    """Measure sessions, then peers, then single blocks."""
    ours.prepare()
    rounds = ROUNDS_QUICK if task.quick else ROUNDS
    task.settings(rounds=rounds, stems=len(STEM_ROLES), song_s=SONG_S, variants=ours.VARIANTS)
    _measure_sessions(task, rounds)
    stems = Performance().stems()
    with ours.cached(stems) as files:
        _measure_peers(task, stems, files, rounds)
        for variant in ours.VARIANTS:
            for setting in SETTINGS:
                _measure_evenness(task, files, variant, setting)


def _measure_sessions(task: Task, rounds: int) -> None:
    music = make_music(SONG_S, SOFT)
    with ours.cached(music, 1.0) as soft, ours.cached(make_music(SONG_S, LOUD), 1.0) as loud:
        for block in BLOCKS:
            task.tell(f"sessions, blocks of {block} frames")
            players: dict[str, Renders] = {
                "copy": ours.Player(soft),
                "gains moving": ours.Player(soft, moving=True),
                "limiter working": ours.Player(loud),
                "tempo": ours.Player(soft, tempo=1.06),
                "tempo and pitch": ours.Player(soft, tempo=1.06, pitch=2.0),
                "floor: numpy sum": NumpySum(music),
                "floor: numpy FFTs": NumpyFfts(music),
            }
            _tell_sessions(task, block, measure_seconds(players, block, rounds))


def _tell_sessions(task: Task, block: int, cost_ms: Mapping[str, Costs]) -> None:
    case: Case
    for name, costs in cost_ms.items():
        case = {"case": name, "block": block}
        task.figure("CPU a second of sound", "share", costs / 1e3, case, note="of real time")
        if not name.startswith("floor"):
            task.figure("sessions a core", "count", 1e3 / costs, case)
    for name, floor in (
        ("copy", "floor: numpy sum"),
        ("tempo", "floor: numpy FFTs"),
        ("tempo and pitch", "floor: numpy FFTs"),
    ):
        case = {"case": name, "block": block}
        task.figure("over its floor", "ratio", cost_ms[name] / cost_ms[floor], case, note=floor)
    for name in ("gains moving", "limiter working", "tempo", "tempo and pitch"):
        case = {"case": name, "block": block}
        more = (cost_ms[name] - cost_ms["copy"]) / 1e3
        task.figure("more than a copy", "share", more, case, note="what that part alone costs, of real time")


def _measure_peers(
    task: Task, stems: Mapping[StemRole, Audio], files: Mapping[StemRole, Stem], rounds: int
) -> None:
    peers, missing = available_peers()
    for name, reason in missing.items():
        task.skip(name, reason)
    task.settings(versus_block=VERSUS_BLOCK, peers={peer.name: peer.how for peer in peers})
    for setting in SETTINGS:
        task.tell(f"four stems, {setting}: remixd and {len(peers)} peers")
        players: dict[str, Renders] = {
            _system(variant): _session(files, variant, setting) for variant in ours.VARIANTS
        }
        mine = list(players)
        players[REST] = ours.Player(files, moving=SETTINGS[setting] != 0.0)
        players |= {peer.name: _four_streams(peer, stems, setting) for peer in peers}
        players[HARNESS] = PeerPlayer(Idle(), [(sound, Setting(tempo=TEMPO)) for sound in stems.values()])
        cost_ms = measure_seconds(players, VERSUS_BLOCK, rounds)
        for name in tuple(mine):
            mine.append(f"{name}, {STRETCH_PATH}")
            cost_ms[mine[-1]] = cost_ms[name] - cost_ms[REST]
            share = cost_ms[REST] / cost_ms[mine[-1]]
            task.figure("rest over stretch path", "share", share, {"system": name, "setting": setting})
        for name, costs in cost_ms.items():
            case: Case = {"system": name, "setting": setting}
            task.figure("CPU of four stems", "ms", costs, case, note="a second of sound")
            task.figure("sessions a core, four stems", "count", 1e3 / costs, case)
        for variant in mine:
            for peer in peers:
                ratio = cost_ms[peer.name] / cost_ms[variant]
                case = {"system": peer.name, "setting": setting, "over": variant}
                task.figure("times the cost", "ratio", ratio, case, note="round by round")


def _measure_evenness(task: Task, files: Mapping[StemRole, Stem], variant: str, setting: str) -> None:
    seconds, repeats = (QUICK_S, REPEATS_QUICK) if task.quick else (EVEN_S, REPEATS)
    warm_up = np.random.default_rng(7).integers(*WARM_UP, CROWD).tolist()
    for sessions, block in ((CROWD, CROWD_BLOCK), (1, ALONE_BLOCK)):
        task.tell(f"every block of {sessions}, {_system(variant)}, {setting}")
        costs_s = measure_blocks(
            partial(_crowd, files, variant, setting, sessions),
            block,
            int(seconds * RATE_HZ) // block,
            warm_up[:sessions],
            repeats,
        )
        case: Case = {"system": _system(variant), "setting": setting, "sessions": sessions, "block": block}
        note = f"CPU time, the least of {repeats} repeats"
        task.figure("block over mean block", "ratio", costs_s / costs_s.mean(), case, note=note)
        share = costs_s / sessions * RATE_HZ / block
        task.figure("block over its deadline", "share", share, case, note=f"{note}, a session")


def _session(files: Mapping[StemRole, Stem], variant: str, setting: str, *, start: int = 0) -> ours.Player:
    pitch = SETTINGS[setting]
    return ours.Player(files, variant, tempo=TEMPO, pitch=pitch, moving=pitch != 0.0, start=start)


def _crowd(files: Mapping[StemRole, Stem], variant: str, setting: str, sessions: int) -> list[ours.Player]:
    """Sessions that are at different places of the song."""
    return [_session(files, variant, setting, start=at * RATE_HZ // 7) for at in range(sessions)]


def _four_streams(peer: Peer, stems: Mapping[StemRole, Audio], setting: str) -> PeerPlayer:
    pitch = SETTINGS[setting]
    return PeerPlayer(
        peer,
        [
            (
                sound,
                Setting(
                    tempo=TEMPO,
                    semitones=0.0 if role == "drums" else pitch,
                    formants=role == "vocals" and pitch != 0.0,
                ),
            )
            for role, sound in stems.items()
        ],
    )


def _system(variant: str) -> str:
    return f"{ours.NAME}, {variant}"
