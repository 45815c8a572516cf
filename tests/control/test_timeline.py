"""A timeline foretells every beat to the millisecond, and says from where it was wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import performing
import pytest
from performing import Performance, track
from sounds import clicks

from remixd._kernel import fft
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path
from remixd.control.order import mix_order
from remixd.control.score import player_score
from remixd.control.timekeeping import Timekeeper
from remixd.control.timeline import Timeline
from remixd.engine.players import Players
from remixd.units import PACKET_FRAMES

BEAT = 24_000
BAR = 4 * BEAT
LENGTH = 20 * BAR
MS = 48
CHECKPOINT_FRAMES = 24_000
LABELS = ("verse", "chorus", "outro")


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


class Show(Performance):
    """A click on every beat, and what is told of it packet by packet."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.keeper = Timekeeper()
        self.timelines: list[Timeline] = []
        self.players: dict[int, dict[str, Any]] = {}
        self.checkpoint: bytes | None = None
        self._kept = 0
        self._asked: list[int] = []
        memory = SimpleNamespace(checkpoints=SimpleNamespace(read=lambda: self.checkpoint))
        self.as_session: Any = SimpleNamespace(
            id="s-1", desk=self.desk, memory=memory, players=self.players, engine_pid=1
        )
        patch.setattr(Players, "open", lambda _, path: SOUNDS[path.name])

    def put(self, deck: int, name: str, *, beat_frames: int = BEAT, beats: bool = True) -> None:
        pcm = clicks(LENGTH, beat_frames, length=16)
        stem = Stem.of(pcm, list(range(0, LENGTH, beat_frames)), False)
        SOUNDS[name] = stem
        performing._sounds.append((pcm, stem))
        song = track(name, {"drums": pcm}, beat_frames=beat_frames if beats else None, labels=LABELS)
        self.load(deck, song, {"drums": pcm})
        loaded = self.desk.decks.all[deck].loaded
        assert loaded is not None
        self.players[loaded.key] = player_score(song, [Path(name)], key=loaded.key)

    def _packet(self) -> None:
        super()._packet()
        if self.session.clock >= self._kept:
            self.checkpoint = self.session.checkpoint()
            self._kept = self.session.clock + CHECKPOINT_FRAMES
        told = self.keeper.tell(self.as_session, self.session.clock / 48_000)
        if told is not None:
            self.timelines.append(told)

    def ask(self, verb: str, deck: int = 0, **words: Any) -> None:
        """A hand on a deck: what was told before counts no more."""
        self._asked.append(self.session.clock)
        answer = self.do(verb, deck, **words)
        assert answer.accepted, answer.reason

    def limits(self) -> list[int]:
        """Up to which sample each timeline held: until it was revised, or a hand moved."""
        revised = [each.revised_sample for each in self.timelines]
        return [
            min(
                [told.until_sample, *(each for each in revised[number + 1 :] if each is not None)]
                + [asked for asked in self._asked if asked > told.sample]
            )
            for number, told in enumerate(self.timelines)
        ]


SOUNDS: dict[str, Stem] = {}


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    it = Show(monkeypatch)
    it.put(0, "first")
    it.ask("play")
    it.play(BEAT)
    return it


def onsets(it: Show) -> np.ndarray[Any, Any]:
    loud = np.flatnonzero(np.abs(np.concatenate(it.heard)).max(axis=1) > 0.1)
    return loud[np.flatnonzero(np.diff(loud, prepend=-BEAT) > 4_000)]


def assert_told_what_was_heard(it: Show, least: int = 8) -> None:
    """Each beat that was told, and not revised, is a click within a millisecond; each click was told."""
    heard, end = onsets(it), it.session.clock - BEAT
    assert len(heard) >= least
    for told, limit in zip(it.timelines, it.limits(), strict=True):
        beats = np.array([beat.sample for beat in told.beats if beat.sample < min(limit, end)])
        clicks_there = heard[(heard >= told.sample + MS) & (heard < min(limit, end) - MS)]
        for beat in beats:
            assert np.abs(heard - beat).min() <= MS, f"revision {told.revision}: no click at {beat}"
        for click in clicks_there:
            assert np.abs(beats - click).min(initial=BEAT) <= MS, f"{told.revision}: {click} untold"


def test_a_steady_song_is_told_once_a_bar_two_bars_ahead_and_never_revised(show: Show) -> None:
    show.timelines.clear()
    show.play(6 * BAR)
    assert_told_what_was_heard(show)
    assert [told.revised_sample for told in show.timelines] == [None] * len(show.timelines)
    assert len(show.timelines) == 6
    for told in show.timelines:
        assert told.beats[-1].sample - told.sample > 1.9 * BAR
    beat = show.timelines[2].beats[0]
    assert beat.host_ns == beat.sample * 1_000_000_000 // 48_000
    assert {(b.beat, b.level > 1) for told in show.timelines for b in told.beats} == {
        (1, True), (2, False), (3, False), (4, False)
    }  # fmt: skip
    assert show.timelines[0].bpm == pytest.approx(120.0)


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("tempo", {"value": 1.13}),
        ("loop", {"value": 3.0}),
        ("loop", {"value": 0.5}),
        ("jump", {"value": 7.0}),
        ("jump", {"value": -3.0}),
        ("seek", {"value": 12.34}),
        ("reverse", {"on": True}),
        ("section", {"name": "chorus,verse"}),
    ],
    ids=lambda value: str(value),
)
def test_what_a_hand_does_is_foretold(show: Show, verb: str, words: dict[str, Any]) -> None:
    show.play(BAR + 5_000)
    at = "now" if verb in ("tempo", "reverse", "section") else "bar"
    show.ask(verb, at=at, **words)
    show.play(5 * BAR)
    assert_told_what_was_heard(show)


def test_a_jump_that_waits_for_its_bar_is_told_before_it_is_heard(show: Show) -> None:
    show.play(BAR + 5_000)
    asked = show.session.clock
    show.ask("jump", at="bar", value=8.0)
    show.play(3_000)
    told = show.timelines[-1]
    (jump,) = [event for event in told.coming if event.kind == "jump"]
    (move,) = [event for event in told.coming if event.kind == "move"]
    assert (move.sample, move.what, move.signals) == (jump.sample, "jump", ("jump-0",))
    assert jump.sample > asked + BEAT
    assert (told.revised_sample or 0) >= jump.sample - MS
    show.play(2 * BAR)
    (done,) = show.samples(performing.mailbox.JUMP, 0)
    assert abs(done - jump.sample) <= 1


def test_a_tempo_ramp_is_foretold_beat_by_beat(show: Show) -> None:
    show.play(BAR)
    ramp = mix_order("tempo", 1.2, sample=show.session.clock + 2 * BAR, ramp_frames=3 * BAR)
    show._asked.append(show.session.clock)
    show.desk.send([ramp])
    show.play(7 * BAR)
    assert_told_what_was_heard(show)
    paces = [told.tempo for told in show.timelines]
    assert 1.0 in paces
    assert paces[-1] == pytest.approx(1.2)
    foretold = [np.diff([beat.sample for beat in told.beats]) for told in show.timelines if told.beats]
    bent = [steps for steps in foretold if steps.max() - steps.min() > 100]
    assert bent, "no timeline told of beats that come ever sooner"


def test_a_pause_ends_the_beats_and_play_brings_them_back(show: Show) -> None:
    show.play(BAR)
    show.ask("pause", at="bar")
    show.play(2_000)
    told = show.timelines[-1]
    (rest,) = [event for event in told.coming if event.kind == "rest"]
    assert told.beats[-1].sample == pytest.approx(rest.sample - BEAT, abs=MS)
    show.play(2 * BAR)
    assert (show.timelines[-1].beats, show.timelines[-1].tempo) == ((), 0.0)
    show.timelines.clear()  # of what the pause cuts off the beginning is heard as it fades
    show.ask("play")
    show.play(3 * BAR)
    assert_told_what_was_heard(show)


def test_the_end_of_the_song_is_told(show: Show) -> None:
    show.ask("seek", value=(LENGTH - 2 * BAR) / 48_000)
    show.play(6_000)
    told = show.timelines[-1]
    (end,) = [event for event in told.coming if event.kind == "end"]
    show.play(3 * BAR)
    (ended,) = [report for report in show.reports if report.kind == performing.mailbox.ENDED]
    assert abs(end.sample - ended.sample) <= MS
    assert_told_what_was_heard(show)


def test_sections_to_come_are_named(show: Show) -> None:
    show.ask("seek", value=(8 * BAR - BAR) / 48_000)
    show.play(5_000)
    sections = [event for event in show.timelines[-1].coming if event.kind == "section"]
    assert [(event.what, event.section) for event in sections] == [("chorus", 2)]
    assert show.timelines[-1].label == "verse"


def test_a_deck_that_follows_is_in_the_leaders_beats_through_a_mix(show: Show) -> None:
    show.put(1, "second", beat_frames=23_000)
    show.ask("mix", other=1, name="crossfade", value=2.0)
    show.play(BAR)
    assert any(event.kind == "mix" and event.deck == "B" for event in show.timelines[-1].coming)
    show.play(8 * BAR)
    assert show.timelines[-1].deck == "B"
    assert_told_what_was_heard(show)


def test_a_song_without_beats_is_told_by_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Show(monkeypatch)
    it.put(0, "plain", beats=False)
    it.ask("play")
    it.play(BAR)
    told = it.timelines[-1]
    assert (told.bpm, told.bar_beat) == (None, None)
    places = [beat.position_s for beat in told.beats]
    assert places == list(range(int(places[0]), int(places[0]) + len(places)))
    steps = np.diff([beat.sample for beat in told.beats])
    np.testing.assert_allclose(steps, 48_000, atol=1)


def test_nothing_is_told_of_before_there_is_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Show(monkeypatch)
    it.play(PACKET_FRAMES * 4)
    assert all(told.beats == () and told.track_id == "" for told in it.timelines)
