"""What `remixd listen` hears, and the files it becomes: one of the mix, or one of each stem."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from remixd.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from remixd.client import Packet, Recorder


class Hearing:
    """Packets of a session, laid on its clock.

    Args:
        out: the WAV file; of stems the folder, made if it is not there.
        frames: how much is to be heard.
        stems: whether the packets are of stems: each pair of channels becomes NAME.wav.

    Raises InvalidInput or NotFound where nothing can be written.
    """

    def __init__(self, out: Path, frames: int, *, stems: bool) -> None:
        if not stems and out.suffix.lower() != ".wav":
            raise InvalidInput(f"{out} must end in .wav")
        if not out.absolute().parent.is_dir():
            raise NotFound(f"there is no folder {out.absolute().parent}")
        if stems and out.exists() and not out.is_dir():
            raise InvalidInput(f"{out} is no folder; stems become a file each in one")
        self._out, self._frames, self._stems = out, frames, stems
        self._recorders: dict[str, Recorder] = {}

    def add(self, packet: Packet) -> None:
        """Take the next packet."""
        from remixd.client import Recorder

        for number, name in enumerate(packet.pairs or ("",)):
            recorder = self._recorders.setdefault(name, Recorder(self._frames))
            pcm = packet.pcm[:, 2 * number : 2 * number + 2]
            recorder.add(dataclasses.replace(packet, pcm=pcm, pairs=()))

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
