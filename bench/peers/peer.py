"""What every peer offers: a stream that takes blocks and gives sound, and a whole sound at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from remixd.units import RATE_HZ, ratio_from_semitones

from ..songs import Audio

BLOCK_FRAMES: Final = 256
"""What a host feeds. Rubber Band, fed exactly the few frames it asks for, would cost several times more."""

_FLUSH_S: Final = 4.0


class Unavailable(Exception):
    """This peer is not installed; the message says with what command it would be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What to do to a sound.

    Attributes:
        tempo: source time over output time: 1.25 is faster, and shorter.
        semitones: how far to transpose.
        formants: whether formants are to stay where they are; only some peers can.
    """

    tempo: float
    semitones: float = 0.0
    formants: bool = False

    @property
    def pitch(self) -> float:
        """The frequency ratio."""
        return ratio_from_semitones(self.semitones)


class Stream(ABC):
    """One stereo sound while it is stretched.

    Attributes:
        delay_frames: of output, before the first that belongs to the input.
    """

    delay_frames: int = 0

    @abstractmethod
    def process(self, block: Audio) -> Audio:
        """Take a block and return what is ready.

        Args:
            block: float32, contiguous, in the peer's layout; at most `Peer.feed_frames` long.

        Returns float32 in the same layout, of any length; it may be overwritten by the next call.
        """


class Peer(ABC):
    """A stretcher. Sound is float32 at 48 kHz; outside a stream it is interleaved stereo, (frames, 2).

    Attributes:
        name: of the product and of how it is used.
        how: what a reader of figures should know of it.
        planar: whether its streams take (2, frames) instead of (frames, 2).
        feed_frames: how much a call of a stream is given when cost is measured.
        keeps_formants: whether `Setting.formants` does anything.
    """

    name: str
    how: str
    planar: ClassVar[bool] = True
    feed_frames: ClassVar[int] = BLOCK_FRAMES
    keeps_formants: ClassVar[bool] = False

    @abstractmethod
    def load(self) -> None:
        """Load what it needs. Raises Unavailable, naming the command that installs it."""

    @abstractmethod
    def open(self, setting: Setting) -> Stream:
        """Begin to stretch. Raises Unavailable."""

    def cut(self, sound: Audio, frames: int) -> list[Audio]:
        """Cut a sound into blocks in the peer's layout; silence fills up the last."""
        padded = np.pad(sound, ((0, -len(sound) % frames), (0, 0))).astype(np.float32, copy=False)
        blocks = [padded[start : start + frames] for start in range(0, len(padded), frames)]
        return [np.ascontiguousarray(block.T if self.planar else block) for block in blocks]

    def stretch(self, sound: Audio, setting: Setting) -> Audio:
        """Stretch a whole sound (frames, 2); its delay is taken off, so it starts where the sound does."""
        stream = self.open(setting)
        wanted = stream.delay_frames + round(len(sound) / setting.tempo)
        silence = np.zeros((round(_FLUSH_S * RATE_HZ), 2), dtype=np.float32)
        parts: list[Audio] = []
        for block in self.cut(np.concatenate([sound, silence]), BLOCK_FRAMES):
            out = stream.process(block)
            parts.append(out.T.copy() if self.planar else out.copy())
            wanted -= len(parts[-1])
            if wanted <= 0:
                break
        whole = np.concatenate(parts)
        return whole[stream.delay_frames : len(whole) + min(wanted, 0)]


class WholePeer(Peer):
    """A peer whose binding is made for whole sounds: a call flushes, so small blocks cost many times more.

    To be fair it is fed a second a call when cost is measured, and the whole sound when quality is.
    """

    feed_frames = RATE_HZ

    def stretch(self, sound: Audio, setting: Setting) -> Audio:
        """Stretch a whole sound (frames, 2) in one call."""
        return np.ascontiguousarray(self.open(setting).process(np.ascontiguousarray(sound.T)).T)
