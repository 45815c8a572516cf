"""Beats from the tempo map of a MIDI file, whose beginning is that of the song's audio.

A beat is the unit of the time signature: an eighth in 6/8. Tempo changes count from their own tick on, also
between beats. Without a time signature it is 4/4, as Standard MIDI Files 1.0 says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mido

from remixd.analysis.grids import BPM, COUNTS, SongNames, Span, broken
from remixd.track.analysis import LEAST_BEAT_S, LONGEST_S
from remixd.track.fields import printable

LARGEST_BYTES: Final = 4 * 2**20
_FAULTS: Final = (
    ValueError, EOFError, LookupError, TypeError, ArithmeticError, AttributeError, mido.KeySignatureError
)  # fmt: skip
"""What mido raises for files that are no MIDI."""
_TEMPO: Final = 500_000
"""Microseconds a quarter, where the file says none: 120 bpm."""


@dataclass(slots=True)
class _Clock:
    """Where the walk through the tempo map is: a tick, its time, and what holds from there on."""

    resolution: int
    tick: float = 0.0
    time_s: float = 0.0
    tempo: int = _TEMPO

    def seconds(self, ticks: float) -> float:
        return ticks * self.tempo / (1e6 * self.resolution)

    def go_to(self, tick: float) -> None:
        self.time_s += self.seconds(tick - self.tick)
        self.tick = tick


def read_midi(path: Path, _song: SongNames) -> list[Span]:
    """A span a beat as far as the map goes, and one for what follows.

    Raises InvalidInput, naming the tick. Thread: [ingest].
    """
    name = printable(path.name)
    if path.stat().st_size > LARGEST_BYTES:
        raise broken(name, "", f"is larger than {LARGEST_BYTES >> 20} MB")
    try:
        file = mido.MidiFile(str(path))
        resolution, events = file.ticks_per_beat, _events(file)
    except _FAULTS as error:
        raise broken(name, "", f"is not a MIDI file: {printable(error)[:80] or 'it ends early'}") from None
    if not 0 < resolution < 2**15:
        raise broken(name, "", "counts time in frames (SMPTE), not in beats")
    if not events:
        raise broken(name, "", "holds neither a tempo nor a time signature: it is no tempo map")
    return list(_walk(name, resolution, events))


def _events(file: mido.MidiFile) -> list[tuple[int, mido.MetaMessage]]:
    """Every tempo and time signature of all tracks with its tick, in the order of time."""
    found = []
    for track in file.tracks[:1] if file.type == 2 else file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type in ("set_tempo", "time_signature"):
                found.append((tick, message))
    return sorted(found, key=lambda event: event[0])


def _walk(name: str, resolution: int, events: list[tuple[int, mido.MetaMessage]]) -> Iterator[Span]:
    clock, count, unit, number = _Clock(resolution), 4, 4, 1
    beat = 0.0  # the tick of the beat to come
    for tick, event in events:
        step = 4.0 * resolution / unit
        while beat < tick and clock.time_s <= LONGEST_S:
            clock.go_to(beat)
            yield _span(name, clock, step, count, unit, number, beats=1)
            beat, number = beat + step, number % count + 1
        clock.go_to(tick)
        if clock.time_s > LONGEST_S:
            raise broken(name, f"tick {tick}", f"is later than {LONGEST_S / 3600:g} hours")
        if event.type == "set_tempo":
            clock.tempo = event.tempo
        else:
            count, unit, number, beat = event.numerator, event.denominator, 1, float(tick)
            if not COUNTS[0] <= count <= COUNTS[1] or unit not in (1, 2, 4, 8, 16, 32):
                raise broken(name, f"tick {tick}", f"a time signature of {count}/{unit} cannot be used")
    clock.go_to(beat)
    yield _span(name, clock, 4.0 * resolution / unit, count, unit, number, beats=None)


def _span(
    name: str, clock: _Clock, step: float, count: int, unit: int, number: int, beats: int | None
) -> Span:
    """The beats from the clock's tick on."""
    where, period_s = f"tick {clock.tick:g}", clock.seconds(step)
    if not 60.0 / BPM[1] <= period_s <= 60.0 / BPM[0]:
        bpm = 60.0 / max(period_s, 1e-9)
        raise broken(name, where, f"a tempo of {bpm:g} beats a minute is not within {BPM[0]:g} to {BPM[1]:g}")
    if beats:  # the next one tells when it ends, and the tempo may change before
        period_s = LEAST_BEAT_S
    return Span(
        where=where,
        start_s=clock.time_s,
        period_s=period_s,
        metre=f"{count}/{unit}",
        number=number,
        beats=beats,
    )
