"""How a session's sound stands now, as its listeners and watchers are told. Thread: [control]."""

from __future__ import annotations

import time
from typing import Any

from remixd._kernel.ring import PacketEntry
from remixd.control import opinions
from remixd.control.command import heard
from remixd.control.desk import Desk
from remixd.control.streams import SILENT_LUFS
from remixd.units import OFF_DB, PACKET_FRAMES, RATE_HZ, db_from_gain


def status_of(desk: Desk) -> dict[str, Any]:
    """What of a `SessionStatus` its desk knows."""
    clock, shown = desk.clock, desk.decks.shown.loaded
    heard_sample, heard_position_s = heard_now(desk)
    return {
        "track_id": shown.track.id if shown else "",
        "sample": clock.sample,
        "position_s": clock.position_s,
        "bar_beat": desk.bar_beat(clock.position_s),
        "mix": heard(desk.mix, desk.decks.rights, desk.decks.roles),
        "because": desk.layers.with_told(desk.because),
        "heard_sample": heard_sample,
        "heard_position_s": heard_position_s,
        "heard_bar_beat": desk.bar_beat(heard_position_s),
        "decks": desk.decks.statuses(),
        "generated": desk.layers.generated,
        **desk.presets.told(),
        **opinions.status_of(desk),
        **_measured(desk.newest),
    }


def _measured(newest: PacketEntry | None) -> dict[str, Any]:
    """What the engine has measured; None before its first packet."""
    return {
        "peak_db": db_from_gain(max(newest.peaks)) if newest else db_from_gain(0.0),
        "limiter_db": db_from_gain(newest.limiter_gain) if newest else 0.0,
        "underruns": newest.underruns if newest else 0,
        "true_peak_db": db_from_gain(newest.true_peak) if newest else OFF_DB,
        "momentary_lufs": newest.momentary_lufs if newest else SILENT_LUFS,
        "short_term_lufs": newest.short_term_lufs if newest else SILENT_LUFS,
        "nonfinite": newest.nonfinite if newest else 0,
        "major_faults": newest.major_faults if newest else 0,
        "generated_db": db_from_gain(max(newest.layers)) if newest else OFF_DB,
    }


def heard_now(desk: Desk) -> tuple[int, float]:
    """The sample and the place in the song that are heard now: the newest packet is, when it is due."""
    newest, clock = desk.newest, desk.clock
    if newest is None:
        return 0, 0.0
    ago = (time.monotonic_ns() - newest.due_ns) * RATE_HZ // 1_000_000_000
    ago = max(min(ago, PACKET_FRAMES), -clock.sample)
    position_s = clock.position_s + (ago / RATE_HZ - racks_delay_s(desk)) * clock.tempo
    shown = desk.decks.shown.loaded
    if shown and shown.loops:
        return clock.sample + ago, position_s % shown.track.duration_s
    return clock.sample + ago, max(position_s, 0.0)


def racks_delay_s(desk: Desk) -> float:
    """By how much the music comes later than it is played, because of racks."""
    return desk.newest.racks_delay_frames / RATE_HZ if desk.newest else 0.0
