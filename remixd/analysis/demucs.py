"""Demucs as a splitter: `pip install 'remixd[demucs]'`, and weights that somebody put in their folder.

Nothing is downloaded. The weights lie in one folder as Demucs' own local repositories do (Rouard, Massa and
Defossez, "Hybrid transformers for music source separation", ICASSP 2023; `demucs.pretrained.get_model` with
`repo`): `htdemucs.yaml`, which names its models, and each model's `.th`. Those are pickles: who wrote them
could make them run code, so only weights that one trusts belong there.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import soxr
from numpy.typing import NDArray

from remixd.config import expand_home
from remixd.errors import Unavailable
from remixd.track.fields import printable
from remixd.track.flac import Block, reason
from remixd.units import StemRole

DEFAULT_MODEL: Final = "htdemucs"
FOLDER_VARIABLE: Final = "REMIXD_DEMUCS"
MODEL_VARIABLE: Final = "REMIXD_DEMUCS_MODEL"

_KNOWN: Final[tuple[StemRole, ...]] = ("drums", "bass", "vocals")
_CHUNK_S: Final = 32.0
_FADE_S: Final = 4.0
"""Chunks overlap by so much, and the later one fades in meanwhile: a model hears little at its edges."""

Wide = NDArray[np.float32]
"""Every part's left and right side by side, (frames, 2 * parts)."""


class DemucsSplitter:
    """Guesses drums, bass and vocals with a Demucs model. Thread: [ingest].

    Raises Unavailable where the extra or its weights are absent, or the weights cannot be loaded. What the
    model tells apart beyond these three stays in `other`. Levels are left to the model, which evens them out
    itself, so that a song can be streamed. On a processor it takes about as long as the song lasts.
    """

    def __init__(self) -> None:
        name = self._name = os.environ.get(MODEL_VARIABLE) or DEFAULT_MODEL
        self._torch, self._apply, self._model = _load(name, weights_folder())
        sources = list(self._model.sources)
        self.roles: tuple[StemRole, ...] = tuple(role for role in _KNOWN if role in sources)
        self._rows = [sources.index(role) for role in self.roles]
        self._rate_hz = int(self._model.samplerate)
        self.version = f"demucs-{name}"
        self.note = f"stems estimated from the mix by Demucs ({printable(name)})"

    def split(self, blocks: Iterable[Block], rate_hz: int) -> Iterator[tuple[Block, ...]]:
        """The mix and its drums, bass and vocals, in the same frames; where the model knows those.

        Args:
            blocks: the mix, stereo float32 (n, 2), any lengths.
            rate_hz: its sample rate; the model hears it at its own.

        Holds about a minute of sound. Raises Unavailable where the model gives what is not finite.
        """
        waiting: deque[Block] = deque()

        def heard() -> Iterator[Block]:
            for block in blocks:
                waiting.append(block)
                yield block

        wide = 2 * len(self.roles)
        there = _resampled(heard(), rate_hz, self._rate_hz, 2)
        held: Wide = np.zeros((0, wide), np.float32)
        for guess in _resampled(self._guessed(there), self._rate_hz, rate_hz, wide):
            held = np.concatenate([held, guess])
            while waiting and waiting[0].shape[0] <= held.shape[0]:
                mix = waiting.popleft()
                yield (mix, *_apart(held[: mix.shape[0]]))
                held = held[mix.shape[0] :]
        for mix in waiting:  # resampling there and back may lose a frame or two
            frames = mix.shape[0]
            yield (mix, *_apart(np.pad(held[:frames], ((0, max(0, frames - held.shape[0])), (0, 0)))))
            held = held[frames:]

    def _guessed(self, blocks: Iterable[Block]) -> Iterator[Wide]:
        """The parts of a stream at the model's rate, chunk by chunk."""
        chunk, fade = round(_CHUNK_S * self._rate_hz), round(_FADE_S * self._rate_hz)
        rising = np.linspace(0.0, 1.0, fade, dtype=np.float32)[:, None]
        held: Block = np.zeros((0, 2), np.float32)
        before: Wide | None = None
        for block in blocks:
            held = np.concatenate([held, block])
            while held.shape[0] > chunk:
                guess = _faded(before, self._infer(held[:chunk]), rising)
                yield guess[:-fade]
                before, held = guess[-fade:], held[chunk - fade :]
        if held.shape[0]:
            yield _faded(before, self._infer(held), rising)

    def _infer(self, chunk: Block) -> Wide:
        torch = self._torch
        with torch.inference_mode():
            mix = torch.from_numpy(np.ascontiguousarray(chunk.T))[None]
            found = self._apply(self._model, mix, shifts=0, split=True, overlap=0.25)[0]
        parts = found[self._rows].reshape(2 * len(self._rows), -1).numpy()
        if not np.isfinite(parts).all():
            raise Unavailable(
                f"the Demucs model {printable(self._name)} gives what is no sound: its weights may be damaged"
            )
        return np.ascontiguousarray(parts.T, np.float32)


def weights_folder() -> Path:
    """Where weights are looked for: REMIXD_DEMUCS, else `remixd-demucs` in the user's data folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    return expand_home(Path(named) if named else data / "remixd-demucs").absolute()


def _load(name: str, folder: Path) -> tuple[Any, Any, Any]:
    """PyTorch, Demucs' `apply_model`, and the model. Raises Unavailable, saying what to do."""
    if importlib.util.find_spec("demucs") is None or importlib.util.find_spec("torch") is None:
        raise Unavailable(
            "the splitter demucs is an extra: pip install 'remixd[demucs]', or --splitter harmonic"
        )
    shown = printable(folder)
    try:
        there = any((folder / f"{name}{suffix}").is_file() for suffix in (".yaml", ".th"))
    except OSError as error:
        raise Unavailable(f"Demucs' weights in {shown[:200]} cannot be read: {reason(error)}") from None
    if not there:
        raise Unavailable(
            f"Demucs' weights are absent: put {printable(name)}.yaml and the .th files that it names into "
            f"{shown} ({FOLDER_VARIABLE} names another folder); none are downloaded"
        )
    torch = importlib.import_module("torch")
    try:
        model = importlib.import_module("demucs.pretrained").get_model(name, repo=folder)
    except (Exception, SystemExit) as error:  # a pickle may raise anything, and Demucs exits for a lack
        raise Unavailable(f"Demucs' weights in {shown} cannot be loaded: {printable(error)}") from None
    return torch, importlib.import_module("demucs.apply").apply_model, model


def _faded(before: Wide | None, guess: Wide, rising: NDArray[np.float32]) -> Wide:
    """A chunk's parts, its beginning mixed with the end of the chunk before."""
    if before is None:
        return guess
    frames = min(before.shape[0], guess.shape[0])
    guess[:frames] = before[:frames] + (guess[:frames] - before[:frames]) * rising[:frames]
    return guess


def _apart(wide: Wide) -> list[Block]:
    return [np.ascontiguousarray(wide[:, at : at + 2]) for at in range(0, wide.shape[1], 2)]


def _resampled(blocks: Iterable[Wide], from_hz: int, to_hz: int, channels: int) -> Iterator[Wide]:
    """A stream at another rate, in time with itself; as it is where the rates are one."""
    if from_hz == to_hz:
        yield from blocks
        return
    convert = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")
    for block in blocks:
        yield cast(Wide, convert.resample_chunk(block))
    yield cast(Wide, convert.resample_chunk(np.zeros((0, channels), np.float32), last=True))
