"""A desk and the kernel's session without processes between them: what control does, heard to the sample."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import numpy as np
from sounds import Audio

from remixd._kernel import mailbox
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.player import Player
from remixd._kernel.ring import PacketEntry
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.control.action import Action, DeckCommand
from remixd.control.command import Answer, Applied, Refused
from remixd.control.decks import Loaded
from remixd.control.desk import Desk
from remixd.control.score import Beats, player_score
from remixd.control.sink import Sink
from remixd.control.start import Start
from remixd.director.blend import blend
from remixd.track.analysis import Analysis, Section
from remixd.track.package import Stem as TrackStem
from remixd.track.package import Track
from remixd.track.rights import Rights
from remixd.units import PACKET_FRAMES, STEM_ROLES, StemRole

SECOND = 48_000


def track(
    name: str, stems: Mapping[StemRole, Audio], *, beat_frames: float | None = 24_000.0, first: float = 0.0,
    labels: tuple[str, ...] = (), rights: Rights | None = None, key: str | None = None,
) -> Track:  # fmt: skip
    """A track in 4/4 with phrases of four bars and labelled sections of eight."""
    frames = len(next(iter(stems.values())))
    beats = tuple(np.arange(first, frames, beat_frames) / SECOND) if beat_frames else ()
    bounds = [*beats[::32], frames / SECOND]
    return Track(
        id=f"{name}-00000000", title=name, source_kind="folder", source_name="test", content="0" * 64,
        rate_hz=SECOND, frames=frames,
        stems=tuple(TrackStem(name=role, role=role, file=f"stems/{role}.flac") for role in stems),
        rights=rights or Rights(),
        analysis=Analysis(
            source="computed", duration_s=frames / SECOND, metre="4/4" if beats else None, key=key,
            beats_s=beats, downbeats_s=beats[::4], phrases_s=beats[::16],
            sections=tuple(
                Section(start_s=start, end_s=end, label=label)
                for start, end, label in zip(bounds, bounds[1:], labels, strict=False)
            ),
        ),
        folder=Path("nowhere"),
    )  # fmt: skip


_sounds: deque[tuple[Audio, Stem]] = deque(maxlen=8)


def sound(pcm: Audio) -> Stem:
    """A stem; of the same array, the same one: its analysis takes longest of all here."""
    found = next((stem for known, stem in _sounds if known is pcm), None)
    if found is None:
        found = Stem.of(pcm)
        _sounds.append((pcm, found))
    return found


class Performance:
    """Empty decks, played offline packet by packet, under a real desk."""

    def __init__(self) -> None:
        self.commands = Mailbox(bytearray(mailbox.size_bytes(512)), 512)
        self.told: list[Applied | Refused] = []
        self.desk = self.a_desk()
        self.session = Session(key=1)
        self.reports: list[mailbox.ReportEntry] = []
        self.heard: list[Audio] = []
        self.places: list[tuple[int, list[float]]] = []
        self._keys = count(100)
        self._sequence = count(1)

    def a_desk(self) -> Desk:
        """A desk for its session, that knows of nothing yet."""
        start = Start.of(None, blend([], {}), Sink.parse("null"), is_directed=False)
        return Desk("s-1", self.commands, 1, start, self.told.append)

    def load(self, deck: int, song: Track, stems: Mapping[StemRole, Audio]) -> None:
        """Have a track on a deck, at rest."""
        command = self.lay(deck, song)
        self.bring(command, song, stems)
        self.play(PACKET_FRAMES * 2)

    def lay(self, deck: int, song: Track) -> DeckCommand:
        """Ask for a track; it is not there yet."""
        command = DeckCommand(id=f"load-{deck}", deck=deck, action=Action(verb="load", name=song.id))
        assert self.desk.loads.expect(command, song).accepted
        return command

    def bring(self, command: DeckCommand, song: Track, stems: Mapping[StemRole, Audio]) -> None:
        """Let it be there."""
        key = next(self._keys)
        score = player_score(song, [Path(role) for role in stems], key=key)
        not_theirs = ("key", "track", "stems", "summed", "stands_for")
        words = {name: value for name, value in score.items() if name not in not_theirs}
        parts = [sound(pcm) for pcm in stems.values()]
        roles = [STEM_ROLES.index(role) for role in stems]
        self.session.shelve(Player(parts, roles, key=key, **words))
        self.desk.loads.load(command, Loaded(key, song, Beats.of(song)))

    def do(self, verb: str, deck: int, *, at: str = "now", **more: object) -> Answer:
        """A hand on a deck."""
        action = Action(verb=verb, **more)
        return self.desk.perform(DeckCommand(id=f"{verb}-{deck}", deck=deck, at=at, action=action), 0)

    def play(self, frames: int) -> Audio:
        """Go on for so long; what is heard."""
        first = len(self.heard)
        for _ in range(-(-frames // PACKET_FRAMES)):
            self._packet()
        return np.concatenate(self.heard[first:])

    def _packet(self) -> None:
        while (command := self.commands.take_command()) is not None:
            self.session.post(
                command.id, command.dimension, command.value, sample=command.sample, kind=command.kind,
                ramp_frames=command.ramp_frames, deck=command.deck, when=command.when, shape=command.shape,
                expires=command.expires, extra=command.extra,
            )  # fmt: skip
        sample = self.session.clock
        position = round(self.session.position * (1 << 24))
        pcm = self.session.render(PACKET_FRAMES)
        self.heard.append(pcm)
        entries = tuple(self.session.decks())
        self.places.append((self.session.clock, [entry.position for entry in entries]))
        for report in self.session.take_reports():
            self.reports.append(report)
            self.desk.take_report(report)
        empty = PacketEntry._make([0] * len(PacketEntry._fields))
        self.desk.take_packet(
            empty._replace(sequence=next(self._sequence), sample=sample, position=position, tempo=1.0,
                           decks=entries, due_ns=sample * 1_000_000_000 // SECOND)
        )  # fmt: skip

    def samples(self, kind: int, deck: int) -> list[int]:
        """When commands of a kind were applied on a deck."""
        return [report.sample for report in self.applied(kind) if report.deck == deck]

    def applied(self, kind: int) -> list[mailbox.ReportEntry]:
        """The reports on commands of a kind that were applied."""
        return [r for r in self.reports if (r.command, r.kind) == (kind, mailbox.APPLIED)]
