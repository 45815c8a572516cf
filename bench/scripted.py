"""The same session as one would write it with what there is: pedalboard, or Liquidsoap.

Both play four stems at another tempo, a gain each, their sum through a limiter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pedalboard
from pedalboard._pedalboard import Pedalboard

from remixd.control.encoder import write_audio
from remixd.errors import Unavailable
from remixd.units import RATE_HZ, StemRole

from .songs import Audio

GAIN_DB: Final = -1.0
LIQUIDSOAP_S: Final = 60.0
"""The longest that a run may take: one takes about five seconds of CPU."""
INSTALL: Final = "apt install liquidsoap"

STRETCH, SOUNDTOUCH = "stretch", "soundtouch"
OPERATORS: Final[Mapping[str, str]] = {
    STRETCH: "stretch(ratio=1. / {tempo}, ", SOUNDTOUCH: "soundtouch(tempo={tempo}, ",
}  # fmt: skip
HOW: Final[Mapping[str, str]] = {
    STRETCH: "a resampler: the pitch goes with the tempo",
    SOUNDTOUCH: "its operator for SoundTouch: the pitch stays",
}
SCRIPT: Final = """
set("init.allow_root", true)
set("log.stdout", true)
set("log.file", false)
set("log.level", 1)
set("frame.audio.samplerate", {rate})
def stem(path) =
  amplify({gain}, {operator}once(single(path))))
end
mixed = limit(add(normalize=false, [{stems}]))
clock.assign_new(sync="none", [mixed])
output.file(%wav(samplerate={rate}), "{out}", fallible=true, on_stop=shutdown, mixed)
"""


class PedalboardSession:
    """Four stems by pedalboard: stretched a second at a time, since it stretches nothing in a stream.

    Every chunk begins anew, so a listener would hear each seam; to cross-fade them would cost more.

    Args:
        stems: float32 (frames, 2), by role.
        tempo: source time over output time.
        semitones: of all but drums.
        fine: whether by its better and slower way.
    """

    def __init__(
        self, stems: Mapping[StemRole, Audio], *, tempo: float, semitones: float = 0.0, fine: bool = True
    ) -> None:
        self._stems = {role: np.ascontiguousarray(sound.T) for role, sound in stems.items()}
        self._tempo, self._semitones, self._fine = tempo, semitones, fine
        self._gains = {role: Pedalboard([pedalboard.Gain(GAIN_DB)]) for role in stems}
        self._master = Pedalboard([pedalboard.Limiter(threshold_db=-1.0)])
        self._at = self._ready = 0

    def render(self, frames: int) -> None:
        """Have the next frames."""
        while self._ready < frames:
            self._ready += self._chunk().shape[1]
        self._ready -= frames

    def _chunk(self) -> Any:
        """The next second of the song's time, as planar sound."""
        end = self._at + RATE_HZ
        if end > next(iter(self._stems.values())).shape[1]:
            self._at, end = 0, RATE_HZ
        parts = []
        for role, sound in self._stems.items():
            stretched = pedalboard.time_stretch(
                sound[:, self._at : end], RATE_HZ, stretch_factor=self._tempo, high_quality=self._fine,
                pitch_shift_in_semitones=0.0 if role == "drums" else self._semitones,
            )  # fmt: skip
            parts.append(self._gains[role].process(stretched, RATE_HZ, reset=False))
        self._at = end
        shortest = min(part.shape[1] for part in parts)
        mixed = np.sum([part[:, :shortest] for part in parts], axis=0)
        return self._master.process(mixed, RATE_HZ, reset=False)


class Liquidsoap:
    """Plays songs of some lengths to a file as fast as it can, in a process of its own.

    Raises Unavailable if it is not here or does not play; use it within `opened_liquidsoap`.
    """

    def __init__(self, folder: Path, songs: Mapping[float, Mapping[StemRole, Audio]]) -> None:
        self._program = shutil.which("liquidsoap")
        if self._program is None:
            raise Unavailable(f"liquidsoap is not installed: {INSTALL}")
        self._folder = folder
        self._files: dict[float, list[Path]] = {}
        for seconds, stems in songs.items():
            self._files[seconds] = [folder / f"{role}-{seconds:g}.wav" for role in stems]
            for path, sound in zip(self._files[seconds], stems.values(), strict=True):
                write_audio(path, iter([sound]), RATE_HZ)

    def cpu_s(self, operator: str, seconds: float, tempo: float) -> tuple[float, float]:
        """CPU seconds of one run, and the seconds of sound it wrote. Raises Unavailable if it wrote none."""
        script, out = self._folder / "session.liq", self._folder / "out.wav"
        script.write_text(self._script(operator, self._files[seconds], tempo, out), "utf-8")
        out.unlink(missing_ok=True)
        before = os.times()
        with (self._folder / "log").open("wb") as log:
            try:
                subprocess.run(
                    [str(self._program), str(script)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    check=False, timeout=LIQUIDSOAP_S,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise Unavailable(f"liquidsoap did not end within {LIQUIDSOAP_S:g} s") from None
        after = os.times()
        cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
        size = out.stat().st_size if out.exists() else 0
        if not size:
            lines = (self._folder / "log").read_text("utf-8", "replace").split("\n")
            said = next((line for line in reversed(lines) if line.strip()), "nothing")
            raise Unavailable(f"liquidsoap wrote no sound, and said: {said.strip()}")
        return cpu_s, size / (RATE_HZ * 4)

    def _script(self, operator: str, files: list[Path], tempo: float, out: Path) -> str:
        return SCRIPT.format(
            rate=RATE_HZ, gain=f"{10 ** (GAIN_DB / 20):.6f}", out=out,
            operator=OPERATORS[operator].format(tempo=tempo),
            stems=", ".join(f'stem("{path}")' for path in files),
        )  # fmt: skip


@contextmanager
def opened_liquidsoap(songs: Mapping[float, Mapping[StemRole, Audio]]) -> Iterator[Liquidsoap]:
    """Liquidsoap with its songs, until the block ends. Raises Unavailable where it is not installed."""
    with tempfile.TemporaryDirectory(prefix="remixd-bench-") as folder:
        yield Liquidsoap(Path(folder), songs)
