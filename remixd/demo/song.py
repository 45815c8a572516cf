"""The song, at any tempo and in any key: what it sounds like and what is true of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np

from remixd.demo.drums import strike
from remixd.demo.form import BEATS_A_BAR, FORM, PHRASE_BARS, chord_name, key_name
from remixd.demo.grid import HOME_BPM, Grid
from remixd.demo.notes import Breath
from remixd.demo.room import ROOM_S, add_room, duck, saturate
from remixd.demo.score import Score, written
from remixd.demo.setting import Setting
from remixd.demo.singing import timings
from remixd.demo.tones import play
from remixd.demo.voice import sing
from remixd.synth.sound import Audio, single

TITLE: Final = "Your Way"
ARTIST: Final = "remixd"

_SEMITONES_MAX: Final = 12.0
_RATES_HZ: Final = (22_050, 192_000)
_RING_S: Final = 2.3  # nothing sounds longer than this after its note is over
_FADE_BEATS: Final = 2.0  # of the last bar
_SENDS: Final = {"other": 0.16, "vocals.ko": 0.30, "vocals.en": 0.30}
_LEVELS: Final = {"drums": 0.46, "bass": 0.64, "other": 0.95, "vocals.ko": 0.9, "vocals.en": 0.93}
_PEAKS: Final = {  # where rounding peaks off sets in, and what is never passed
    "drums": (0.26, 0.39), "bass": (0.20, 0.30), "other": (0.18, 0.30),
    "vocals.ko": (0.19, 0.31), "vocals.en": (0.19, 0.31),
}  # fmt: skip
_INHALE_REST_BEATS: Final = 0.9


@dataclass(frozen=True, kw_only=True)
class Song:
    """The demo song. Every value gives a whole performance, not a stretch of another.

    Notes lie on the grid of the tempo; drum strokes, attacks and consonants keep their length in seconds;
    whatever is random belongs to its note. So a rendering at another tempo or in another key is a true
    reference for stretching or shifting this one.

    Attributes:
        bpm: tempo, 30 to 300; or a pair, from which to which it moves in a straight line over the beats
            of the song.
        semitones: -12 to 12: how far everything but the drums is transposed.
        vibrato: "musical", as an ideal stretch of the song at its own tempo would have it: vibrato and
            glides keep their length in beats; or "seconds", as a singer would: they keep it in seconds.
        formants: "stay" where they are in every key, as a singer's do, or "shift" with it, as those of
            a plain pitch shift do.
        space: how much room there is round the voices and the band, 0 (dry) to 1. The room rings for the
            same time at any tempo, which no stretch can give: compare dry renderings.
        sections: labels in the order they are played. The second time, a verse or chorus is varied.

    Raises ValueError, in one line, for values outside these.
    """

    STEMS: ClassVar[tuple[str, ...]] = ("drums", "bass", "other", "vocals.ko", "vocals.en")
    """Everything there is to render. The two `vocals` are alternates: one of them plays."""

    bpm: float | tuple[float, float] = HOME_BPM
    semitones: float = 0.0
    vibrato: Literal["musical", "seconds"] = "musical"
    formants: Literal["stay", "shift"] = "stay"
    space: float = 1.0
    sections: tuple[str, ...] = FORM

    def __post_init__(self) -> None:
        if not -_SEMITONES_MAX <= self.semitones <= _SEMITONES_MAX:
            raise ValueError(f"a transposition is -12 to 12 semitones, not {self.semitones:g}")
        if self.vibrato not in ("musical", "seconds"):
            raise ValueError(f"vibrato is 'musical' or 'seconds', not {self.vibrato!r}")
        if self.formants not in ("stay", "shift"):
            raise ValueError(f"formants 'stay' or 'shift', not {self.formants!r}")
        if not 0.0 <= self.space <= 1.0:
            raise ValueError(f"space is 0 to 1, not {self.space:g}")
        self.grid  # noqa: B018  - refuses a tempo or sections that cannot be

    @property
    def score(self) -> Score:
        """The notes, in song beats."""
        return written(self.sections)

    @property
    def grid(self) -> Grid:
        """Song beats to seconds."""
        start, end = self.bpm if isinstance(self.bpm, tuple) else (self.bpm, self.bpm)
        return Grid(bpm_from=start, bpm_to=end, beats=self.score.beats)

    @property
    def bars(self) -> int:
        """Length of the song."""
        return self.score.bars

    @property
    def duration_s(self) -> float:
        """Length of the song: its last bar ends with it."""
        return self.grid.duration_s

    def render(
        self, stem: str, rate_hz: int = 48_000, *, start_bar: int = 0, stop_bar: int | None = None
    ) -> Audio:
        """Render one of `STEMS`, or a stretch of it.

        Args:
            stem: its name.
            rate_hz: sample rate, 22050 to 192000.
            start_bar: the first bar, from 0.
            stop_bar: one past the last bar; the end of the song if None.

        Returns:
            float32 (frames, 2). Frame n of the whole is the song at n / rate_hz seconds; a stretch starts
            at the frame nearest to its first bar, with what still rings from before.

        Raises ValueError for a stem, rate or bars that are not there. Thread: [ingest].
        """
        if stem not in self.STEMS:
            raise ValueError(f"there is no stem {stem!r}: there are {', '.join(self.STEMS)}")
        if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
            raise ValueError(f"a rate is {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz, not {rate_hz}")
        stop_bar = self.bars if stop_bar is None else stop_bar
        if not 0 <= start_bar < stop_bar <= self.bars:
            raise ValueError(f"bars {start_bar} to {stop_bar} are not in a song of {self.bars}")
        setting = self._setting(rate_hz)
        send = self.space * _SENDS.get(stem, 0.0)
        start = setting.frame(start_bar * BEATS_A_BAR)
        stop = setting.frame(stop_bar * BEATS_A_BAR)
        early = min(start, math.ceil(ROOM_S * rate_hz)) if send else 0
        sound = np.zeros((early + stop - start, 2), dtype=np.float32)
        self._perform(stem, sound, start - early, setting)
        if send:
            add_room(sound, rate_hz, send)
        if stem in ("bass", "other"):
            kicks = [note.beat for note in self.score.parts["drums"] if note.voice == "kick"]
            duck(sound, start - early, kicks, setting)
        sound = sound[early:] * np.float32(_LEVELS[stem])
        saturate(sound, *_PEAKS[stem])
        if stop_bar == self.bars:
            self._fade_out(sound, setting)
        return sound

    def analysis(self) -> dict[str, Any]:
        """What is true of the song, in the form of `analysis.json`; exact, so nothing is estimated.

        An onset is where the first sample of a note lies. A tempo that moves has no `bpm`, and the key and
        chords of a transposition by parts of a semitone are named after the nearest whole one.
        """
        grid, score = self.grid, self.score
        moved = round(self.semitones)

        def at_s(beat: float) -> float:
            return round(grid.seconds(beat), 9)

        chords = [
            {
                "start_s": at_s(chord.beat),
                "end_s": at_s(chord.beat + chord.beats),
                "name": chord_name(chord, moved),
            }
            for chord in score.chords
        ]
        ends = [*(section.beat for section in score.sections[1:]), score.beats]
        sections = [
            {"start_s": at_s(section.beat), "end_s": at_s(end), "label": section.label}
            for section, end in zip(score.sections, ends, strict=True)
        ]
        return {
            "format": "remixd-analysis-1",
            "source": "demo",
            "duration_s": round(self.duration_s, 9),
            "bpm": grid.bpm_from if grid.steady else None,
            "metre": "4/4",
            "beats_s": [at_s(beat) for beat in range(score.beats)],
            "downbeats_s": [at_s(bar * BEATS_A_BAR) for bar in range(score.bars)],
            "key": key_name(moved),
            "chords": chords,
            "sections": sections,
            "phrases_s": [at_s(bar * BEATS_A_BAR) for bar in range(0, score.bars, PHRASE_BARS)],
            "onsets_s": {stem: self._onsets_s(stem) for stem in self.STEMS},
            "estimated": [],
            "confidence": {"bpm": 1.0, "beats": 1.0, "metre": 1.0, "key": 1.0},
        }

    def _setting(self, rate_hz: int) -> Setting:
        return Setting(
            grid=self.grid,
            rate_hz=rate_hz,
            semitones=self.semitones,
            formant_ratio=2.0 ** (self.semitones / 12.0) if self.formants == "shift" else 1.0,
            vibrato_musical=self.vibrato == "musical",
        )

    def _onsets_s(self, stem: str) -> list[float]:
        grid = self.grid
        if stem in self.score.parts:
            found = {grid.seconds(note.beat) for note in self.score.parts[stem]}
        else:
            found = {time.onset_s for breath in self.score.sung[stem] for time in timings(breath, grid)}
        return sorted({round(onset_s, 9) for onset_s in found})

    def _perform(self, stem: str, sound: Audio, first: int, setting: Setting) -> None:
        """Add every note of a stem to `sound`, whose first frame is `first` of the song."""
        from_s, until_s = first / setting.rate_hz, (first + len(sound)) / setting.rate_hz
        for note in self.score.parts.get(stem, ()):
            if self._heard(note.beat, note.beat + note.beats, from_s, until_s):
                struck = strike(note, setting.rate_hz) if stem == "drums" else play(note, setting)
                _add(sound, setting.frame(note.beat) - first, struck)
        before_beat = -math.inf
        for breath in self.score.sung.get(stem, ()):
            beat, end_beat = breath.syllables[0].beat, breath.syllables[-1].end_beat
            lead = breath.pan == 0.0
            rested = lead and beat - before_beat >= _INHALE_REST_BEATS
            before_beat = end_beat if lead else before_beat
            if self._heard(beat, end_beat, from_s, until_s + 1.0):  # breath and consonant come early
                start, sung = _sung(breath, setting, inhale=rested)
                _add(sound, start - first, sung)

    def _fade_out(self, sound: Audio, setting: Setting) -> None:
        """Let the last beats of `sound`, which ends with the song, die away."""
        last = setting.frame(self.score.beats)
        frames = last - setting.frame(self.score.beats - _FADE_BEATS)
        time_s = np.arange(last - frames, last) / setting.rate_hz
        left = np.clip((self.score.beats - self.grid.beat(time_s)) / _FADE_BEATS, 0.0, 1.0)
        sound[len(sound) - frames :] *= single(left * left * (3.0 - 2.0 * left))[:, None]

    def _heard(self, beat: float, end_beat: float, from_s: float, until_s: float) -> bool:
        return self.grid.seconds(beat) < until_s and self.grid.seconds(end_beat) + _RING_S > from_s


def _sung(breath: Breath, setting: Setting, *, inhale: bool) -> tuple[int, Audio]:
    start, mono = sing(breath, setting, inhale=inhale)
    angle = 0.25 * np.pi * (1.0 + breath.pan)
    return start, mono[:, None] * np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def _add(sound: Audio, start: int, note: Audio) -> None:
    """Add what of `note` lies inside `sound`."""
    skip = max(0, -start)
    count = min(len(note) - skip, len(sound) - start - skip)
    if count > 0:
        sound[start + skip : start + skip + count] += note[skip : skip + count]
