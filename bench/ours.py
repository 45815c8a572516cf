"""remixd's own kernel, as the benches use it: to stretch stems, and to render what costs are measured of.

This is the one module of the benches that knows how the kernel is fed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from remixd._kernel import fft, mailbox, ring, trace
from remixd._kernel.feed import Feed
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketRing
from remixd._kernel.session import Session
from remixd._kernel.shared import COMMANDS, PACKETS, TRACE_MOMENTS, trace_blocks
from remixd._kernel.stem import Stem
from remixd._kernel.trace import TraceRing
from remixd.analysis.phase_tree import write_cached
from remixd.config import user_cache_path
from remixd.control.offline import add_racks
from remixd.control.order import CHANNEL
from remixd.director.blend import WeightedRack
from remixd.director.thinning import low_db, thinned_db, together_db
from remixd.mix import PLAYABLE
from remixd.units import PACKET_FRAMES, RATE_HZ, STEM_ROLES, StemRole

from .songs import Audio

NAME: Final = "remixd"
VARIANTS: Final = ("an inverse FFT a stem", "summed in the spectrum")
"""How a session may be rendered: what `Player` takes."""

HEADROOM: Final = 0.5
"""Stems go in at this level and come out louder by as much, so that the limiter has nothing to do."""

RAMP_FRAMES: Final = 960
"""A moving gain is sent to its next value whenever this has passed, and takes as long to get there."""

LATENCY_S: Final = 0.01
"""What a device says about itself."""

_REPORTS_EVERY: Final = 100
_BLOCK_FRAMES: Final = RATE_HZ


def prepare() -> None:
    """Make the kernel's plans, or load those that were made before."""
    fft.prepare(user_cache_path() / "fftwf.wisdom")


def stretch(stems: Mapping[StemRole, Audio], tempo: float, pitch: float) -> dict[StemRole, Audio]:
    """Stretch stems as a session would play them, each alone, at full level and offline.

    Args:
        stems: by role, float32 (frames, 2) at 48 kHz.
        tempo: source time over output time.
        pitch: semitones; which stems it moves is for the kernel to say.

    Returns the same roles; each has `round(frames / tempo)` frames, and starts where its source does.
    """
    with cached(stems) as files:
        return {role: _stretch_one(files, role, tempo, pitch) / np.float32(HEADROOM) for role in stems}


def _stretch_one(files: Mapping[StemRole, Stem], role: StemRole, tempo: float, pitch: float) -> Audio:
    session = Session([files[role]], [STEM_ROLES.index(role)], loop=False, mix=_mix(tempo=tempo, pitch=pitch))
    left = round(files[role].frames / tempo)
    blocks = []
    while left > 0:
        blocks.append(session.render(min(left, _BLOCK_FRAMES)).copy())
        left -= len(blocks[-1])
    return np.concatenate(blocks)


def perform(files: Mapping[StemRole, Stem], mix: Mapping[str, float], racks: Iterable[WeightedRack]) -> Audio:
    """Stems as a session plays them once, in a mix and with racks: float32 (frames, 2), after the limiter.

    Args:
        files: of `cached`.
        mix: a value for every dimension. Of density, what it takes away; nothing is generated.
        racks: of a blend.
    """
    roles = list(files)
    thinned = thinned_db(mix.get("density", 0.0), roles)
    given = {**mix, **{role: together_db(mix[role], offset_db) for role, offset_db in thinned.items()}}
    session = Session(
        list(files.values()), [STEM_ROLES.index(role) for role in roles], loop=False, mix=_mix(**given)
    )
    if low := low_db(mix.get("density", 0.0)):
        session.post(0, CHANNEL.index("low"), low, kind=mailbox.STRIP, deck=0)
    add_racks(session, racks, roles)
    left = round(next(iter(files.values())).frames / mix["tempo"])
    blocks = []
    while left > 0:
        blocks.append(session.render(min(left, _BLOCK_FRAMES)).copy())
        left -= len(blocks[-1])
    return np.concatenate(blocks)


@contextmanager
def cached(stems: Mapping[StemRole, Audio], level: float = HEADROOM) -> Iterator[dict[StemRole, Stem]]:
    """The stems at a level as the cache holds them, mapped from files that are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="remixd-bench-") as folder:
        files = {}
        for role, pcm in stems.items():
            path = Path(folder) / f"{role}.pcm"
            write_cached(path, pcm * np.float32(level), role)
            files[role] = Stem.open(path)
        yield files


class Player:
    """A session that loops, as many frames a call as one likes.

    Args:
        files: of `cached`.
        variant: one of `VARIANTS`.
        tempo, pitch: as for `stretch`.
        moving: whether gains never rest.
        start: frame of the song to begin at.
    """

    def __init__(
        self,
        files: Mapping[StemRole, Stem],
        variant: str = VARIANTS[0],
        *,
        tempo: float = 1.0,
        pitch: float = 0.0,
        moving: bool = False,
        start: int = 0,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"there is no variant {variant!r}")
        roles = [STEM_ROLES.index(role) for role in files]
        self._session = Session(
            list(files.values()),
            roles,
            start=start,
            mix=_mix(tempo=tempo, pitch=pitch),
            summed=variant == VARIANTS[1],
        )
        self._moving = moving
        self._due = self._ramps = 0

    def render(self, frames: int) -> Audio:
        """The next frames: float32 (frames, 2)."""
        if self._moving:
            self._move(frames)
        return self._session.render(frames)

    def _move(self, frames: int) -> None:
        """Send the vocals to where they are not, whenever they have arrived."""
        self._due -= frames
        if self._due > 0:
            return
        self._due += RAMP_FRAMES
        self._ramps += 1
        goal_db = -6.0 if self._ramps % 2 else 0.0
        self._session.post(self._ramps, PLAYABLE.index("vocals"), goal_db, ramp_frames=RAMP_FRAMES)
        if self._ramps % _REPORTS_EVERY == 0:
            self._session.take_reports()


class Fed:
    """A session as a sound device plays it: its feed is called for every block.

    Args:
        files: of `cached`.
        tempo, pitch: as for `stretch`.
        traced: whether its blocks are traced.
    """

    def __init__(
        self, files: Mapping[StemRole, Stem], *, tempo: float = 1.0, pitch: float = 0.0, traced: bool = True
    ) -> None:
        slots = trace_blocks(PACKET_FRAMES), TRACE_MOMENTS
        session = Session(
            list(files.values()),
            [STEM_ROLES.index(role) for role in files],
            mix=_mix(tempo=tempo, pitch=pitch),
            trace=TraceRing(bytearray(trace.size_bytes(*slots)), *slots) if traced else None,
        )
        packets = PacketRing(bytearray(ring.size_bytes(PACKETS, PACKET_FRAMES)), PACKETS, PACKET_FRAMES)
        self._feed = Feed(session, Mailbox(bytearray(mailbox.size_bytes(COMMANDS)), COMMANDS), packets)

    def render(self, frames: int) -> bytes:
        """The next frames: float32, interleaved stereo."""
        return self._feed.fill(frames, LATENCY_S)


def _mix(**values: float) -> Sequence[float]:
    return [values.get(name, 1.0 if name == "tempo" else 0.0) for name in PLAYABLE]
