"""What a session hands out as it plays: packets of sound to listeners, events to watchers.

Every queue is bounded. A listener that falls behind skips to the newest and is told how much it missed; a
watcher that falls behind gets the newest status, every answer up to a bound, and how many it missed beyond.
Thread: [control].
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from remixd.audience.told import CrowdTold
from remixd.control.command import Answer, Applied, Clamp, Refused
from remixd.control.timeline import Timeline
from remixd.errors import Unavailable
from remixd.units import OFF_DB, StemRole

SILENT_LUFS: Final = -120.0
"""What the loudness meters read of silence."""

WAITING_FRAMES_MAX: Final = 24_000
"""Sound that waits for one listener: half a second."""

PAIRS: Final = ("drums", "bass", "other", "vocals", "generated")
"""The pairs of channels in which stems are handed out, in order."""

ANSWERS_MAX: Final = 1024
"""Answers that wait for one watcher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A piece of a session's sound.

    Attributes:
        sequence: counts the session's packets, from 1; of joined ones, that of the first.
        sample: of its first frame, on the session clock.
        pcm: little-endian float32, interleaved stereo, `frames` long; of stems, pairs of channels in the
            order of PAIRS; empty where it is encoded.
        encoded: else the codec's packets, one after another.
        position_s: where in the song its first frame is.
        bar_beat: the same, musically; None where the song has no beats.
        skipped_frames: missing between the packet this listener had before and this one.
    """

    sequence: int
    sample: int
    frames: int
    pcm: bytes
    position_s: float
    bar_beat: str | None
    skipped_frames: int = 0
    encoded: tuple[bytes, ...] = ()

    def joined(self, others: Sequence[Packet]) -> Packet:
        """This packet and those that follow it, as one."""
        packets = (self, *others)
        return replace(
            self,
            frames=sum(packet.frames for packet in packets),
            pcm=b"".join(packet.pcm for packet in packets),
            encoded=tuple(each for packet in packets for each in packet.encoded),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckStatus:
    """How a deck stands. What a hand has moved is told as it was given last, also where it waits for a mark.

    Attributes:
        deck: `A` to `D`.
        state: `empty`, `resting`, `playing`, or `ended` when its music was over.
        track_id, title: of what is loaded; empty without.
        loading: the id of a track that is on its way here; empty without.
        position_s: in the song, at its own tempo.
        bar_beat: the same, musically; None where the song has no beats.
        has_beats: whether it has; else half a second stands in for a beat.
        tempo: as planned for what sounds now.
        bpm: of the beat it is in, as heard; None without beats.
        pitch_semitones: as given.
        loop_s: from where to where it loops; None if it does not.
        cues_s: where each hot cue is, None where none is set.
        levels_db, muted, soloed: by role.
        channel: by parameter, in its unit.
    """

    deck: str
    state: str = "empty"
    track_id: str = ""
    title: str = ""
    loading: str = ""
    position_s: float = 0.0
    duration_s: float = 0.0
    bar_beat: str | None = None
    has_beats: bool = False
    tempo: float = 1.0
    bpm: float | None = None
    pitch_semitones: float = 0.0
    loop_s: tuple[float, float] | None = None
    slipping: bool = False
    backwards: bool = False
    key_locked: bool = True
    synced: bool = False
    leading: bool = False
    cues_s: tuple[float | None, ...] = ()
    levels_db: Mapping[str, float] = field(default_factory=dict)
    muted: tuple[StemRole, ...] = ()
    soloed: tuple[StemRole, ...] = ()
    channel: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatus:
    """How a session stands. Levels are of its newest packet.

    Attributes:
        mode: `hands-on` or `directed`.
        preset: where it stands, as `NAME[:WEIGHT],...`; `original` is the artist's own mix.
        preset_weights: the same, by name; what is left of 1 is the artist's own mix.
        preset_clamps: what of the presets the track did not allow.
        preset_notes: what else of them is not as they have it.
        latency_s: how much later than it is rendered the sound is heard.
        device: how the device is, such as `playing`; empty without one.
        because: why the director last moved each dimension.
        degraded: what its engine does more cheaply for it now, and why; empty as a rule.
        generated: what is generated over the music: each layer's name and how.
        generated_db: how loud that is, RMS.
        track_id, position_s, bar_beat: of the deck that leads, else the first that plays, else the first.
        wanted: what the fans want together, before rights, the DJ and the slew; only where somebody wants it.
        authority: who holds a dimension: `dj` or `locked`; the others are the fans'.
        fans: how many have a live ballot.
        alarms: suspected brigading and the like, in words.
        crowd: of a directed session; for the DJ alone.
        stems: how they are handed out one by one; empty if they are not.
    """

    session: str
    track_id: str
    state: str
    sink: str
    engine_pid: int
    sample: int
    position_s: float
    bar_beat: str | None
    mix: dict[str, float]
    peak_db: float
    limiter_db: float
    underruns: int
    mode: str = "hands-on"
    preset: str = "original"
    preset_weights: dict[str, float] = field(default_factory=dict)
    preset_clamps: tuple[Clamp, ...] = ()
    preset_notes: tuple[str, ...] = ()
    latency_s: float = 0.0
    device: str = ""
    because: dict[str, str] = field(default_factory=dict)
    heard_sample: int = 0
    heard_position_s: float = 0.0
    heard_bar_beat: str | None = None
    true_peak_db: float = OFF_DB
    momentary_lufs: float = SILENT_LUFS
    short_term_lufs: float = SILENT_LUFS
    nonfinite: int = 0
    major_faults: int = 0
    degraded: str = ""
    generated: Mapping[str, str] = field(default_factory=dict)
    generated_db: float = OFF_DB
    decks: tuple[DeckStatus, ...] = ()
    wanted: Mapping[str, float] = field(default_factory=dict)
    authority: Mapping[str, str] = field(default_factory=dict)
    fans: int = 0
    alarms: tuple[str, ...] = ()
    crowd: CrowdTold | None = None
    stems: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The session's engine has died; nothing more will come."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Answers that this watcher did not get: it read too slowly, or the engine could not hand them over."""

    answers: int


Event = SessionStatus | Answer | Applied | Refused | Lost | Missed | Timeline
"""What a watcher is told; first answers only where its own commands are answered."""


class Listener:
    """One listener's packets, from the moment it joined on; iterate to get them.

    `leave` is called when it is closed, `on_gap` with the frames that were skipped. Iteration ends when the
    session is deleted or `close` is called, and raises Unavailable when its engine is lost.
    """

    def __init__(
        self, leave: Callable[[Listener], None], on_gap: Callable[[int], None] = lambda _: None
    ) -> None:
        self._leave = leave
        self._on_gap = on_gap
        self._packets: deque[Packet] = deque()
        self._waiting_frames = 0
        self._next_sample: int | None = None
        self._arrived = asyncio.Event()
        self._ended = False
        self._lost: str | None = None

    def put(self, packet: Packet) -> None:
        """Queue a packet; if the listener is too slow, drop what waits and go on with this one."""
        if self._ended:
            return
        if self._waiting_frames >= WAITING_FRAMES_MAX:
            self._packets.clear()
            self._waiting_frames = 0
        self._packets.append(packet)
        self._waiting_frames += packet.frames
        self._arrived.set()

    @property
    def waiting_frames(self) -> int:
        """Sound that it has not taken yet."""
        return self._waiting_frames

    def close(self) -> None:
        """End the iteration, once what waits is taken."""
        self._ended = True
        self._leave(self)
        self._arrived.set()

    def lose(self, reason: str) -> None:
        """End the iteration with Unavailable, once what waits is taken."""
        self._lost = reason
        self.close()

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> Packet:
        while not self._packets:
            if self._lost is not None:
                raise Unavailable(self._lost)
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        packet = self._packets.popleft()
        self._waiting_frames -= packet.frames
        skipped = 0 if self._next_sample is None else packet.sample - self._next_sample
        self._next_sample = packet.sample + packet.frames
        if skipped <= 0:  # an encoder that begins anew repeats its delay
            return packet
        self._on_gap(skipped)
        return replace(packet, skipped_frames=skipped)


class Watcher:
    """One watcher's events, from the moment it joined on; iterate to get them.

    Statuses coalesce: only the newest waits, and so of timelines. Answers are kept, up to `ANSWERS_MAX`;
    beyond that the oldest go, and how many is told first of all. Iteration ends when the session is deleted,
    `close` is called, or after `Lost`.

    `only`, if there is one, holds the ids that it is told of; each leaves it as it is told. `timeline` says
    whether it is told timelines.
    """

    def __init__(
        self,
        status: SessionStatus,
        leave: Callable[[Watcher], None],
        only: set[str] | None = None,
        *,
        timeline: bool = False,
    ) -> None:
        self.wants_timeline = timeline
        self._timeline: Timeline | None = None
        self._leave = leave
        self._only = only
        self._ends_when_told = False
        self._answers: deque[Answer | Applied | Refused | Lost] = deque()
        self._missed = 0
        self._status: SessionStatus | None = status
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._ended = False

    def put_status(self, status: SessionStatus) -> None:
        """Let this status take the place of one that still waits."""
        if not self._ended:
            self._status = status
            self._arrived.set()

    def put_timeline(self, timeline: Timeline) -> None:
        """Let this timeline take the place of one that still waits, if any is wanted."""
        if self.wants_timeline and not self._ended:
            self._timeline = timeline
            self._arrived.set()

    def put_answer(self, answer: Applied | Refused) -> None:
        """Queue what became of a signal."""
        if self._ended or (self._only is not None and answer.id not in self._only):
            return
        self._keep(answer)
        self._arrived.set()
        if self._only is not None:
            self._only.discard(answer.id)
            if self._ends_when_told and not self._only:
                self.close()

    def reply(self, answer: Answer) -> None:
        """Queue the first answer to a command of its own."""
        if not self._ended:
            self._keep(answer)
            self._arrived.set()

    async def room(self) -> None:
        """Wait until there is ample room for more answers."""
        while len(self._answers) > ANSWERS_MAX // 4 and not self._ended:
            self._taken.clear()
            await self._taken.wait()

    @property
    def waiting(self) -> int:
        """Answers that it has not taken yet."""
        return len(self._answers)

    def end_when_told(self) -> None:
        """End once everything in `only` is told."""
        self._ends_when_told = True
        if not self._only:
            self.close()

    def put_missed(self, answers: int) -> None:
        """Note that answers were lost before they came here."""
        if not self._ended:
            self._missed += answers
            self._arrived.set()

    def _keep(self, answer: Answer | Applied | Refused | Lost) -> None:
        if len(self._answers) >= ANSWERS_MAX:
            self._answers.popleft()
            self._missed += 1
        self._answers.append(answer)

    def lose(self, reason: str) -> None:
        """Tell that the engine is lost, and end."""
        if not self._ended:
            self._keep(Lost(reason=reason))
        self.close()

    def close(self) -> None:
        """End the iteration, once the answers that wait are taken."""
        self._ended = True
        self._leave(self)
        self._arrived.set()
        self._taken.set()

    def __aiter__(self) -> Watcher:
        return self

    async def __anext__(self) -> Event:
        while True:
            if self._missed:
                missed, self._missed = self._missed, 0
                return Missed(answers=missed)
            if self._answers:
                self._taken.set()
                return self._answers.popleft()
            if self._ended:
                raise StopAsyncIteration
            if self._timeline is not None:
                timeline, self._timeline = self._timeline, None
                return timeline
            if self._status is not None:
                status, self._status = self._status, None
                return status
            self._arrived.clear()
            await self._arrived.wait()
