"""What `remixd listen` hears, and the files it becomes: one of the mix, or one of each stem."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from remixd.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from remixd.client import Packet, Recorder


def format_of(out: Path, asked: str | None, *, stems: bool) -> str:
    """What is sent for a file. Raises InvalidInput where they do not go together."""
    from remixd.client._recording import SUFFIXES

    if stems:
        if asked not in (None, "f32", "s16"):
            raise InvalidInput(f"stems are sent as f32 or s16, not {asked}")
        return asked or "f32"
    fitting = [name for name, suffixes in SUFFIXES.items() if out.suffix.lower() in suffixes]
    if not fitting:
        raise InvalidInput(f"{out} must end in .wav, .flac, .opus or .ogg")
    if asked is not None and asked not in fitting:
        raise InvalidInput(f"{out} cannot hold {asked}: it must end in {' or '.join(SUFFIXES[asked])}")
    return asked or fitting[0]


class Hearing:
    """Packets of a session, laid on its clock.

    Args:
        out: the file; of stems the folder, made if it is not there.
        frames: how much is to be heard.
        stems: whether the packets are of stems: each pair of channels becomes NAME.wav.

    Raises InvalidInput or NotFound where nothing can be written.
    """

    def __init__(self, out: Path, frames: int, *, stems: bool) -> None:
        if not out.absolute().parent.is_dir():
            raise NotFound(f"there is no folder {out.absolute().parent}")
        if stems and out.exists() and not out.is_dir():
            raise InvalidInput(f"{out} is no folder; stems become a file each in one")
        self._out, self._frames, self._stems = out, frames, stems
        self._recorders: dict[str, Recorder] = {}

    def add(self, packet: Packet) -> None:
        """Take the next packet."""
        from remixd.client import Recorder

        if not packet.format.pairs:
            self._recorders.setdefault("", Recorder(self._frames)).add(packet)
        stereo = dataclasses.replace(packet.format, channels=2, pairs=())
        for number, name in enumerate(packet.format.pairs):
            recorder = self._recorders.setdefault(name, Recorder(self._frames))
            pcm = packet.pcm[:, 2 * number : 2 * number + 2]
            recorder.add(dataclasses.replace(packet, pcm=pcm, format=stereo))

    @property
    def any(self) -> Recorder | None:
        """What was heard: of stems the first one, since they are equally long; None for nothing."""
        return next(iter(self._recorders.values()), None)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is needed."""
        return self.any is not None and self.any.is_full

    def save(self) -> None:
        """Write what was heard. Raises InvalidInput, naming what cannot be written."""
        if self._stems:
            try:
                self._out.mkdir(exist_ok=True)
            except OSError as error:
                raise InvalidInput(f"cannot make {self._out}: {error.strerror}") from None
        for name, recorder in self._recorders.items():
            recorder.recording().save(self._out / f"{name}.wav" if self._stems else self._out)
