"""Render a track to samples without a daemon: the same kernel, as fast as it goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd._kernel import fft, mailbox
from remixd._kernel.patterns import PatternShelf
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path
from remixd.control.accompaniment import Accompaniment
from remixd.control.layers import QUIET_BASS_DB
from remixd.control.order import CHANNEL, EVERY_DECK, LAYER, rack_order
from remixd.control.score import FIRST_PLAYER, Beats, rack_score
from remixd.director.blend import WeightedRack
from remixd.director.preset import MASTER
from remixd.director.thinning import low_db, thinned_db, together_db
from remixd.engine.patterns import make_pattern
from remixd.errors import InvalidInput
from remixd.mix import PLAYABLE
from remixd.track.package import Track
from remixd.track.rights import VOCALS_ABOVE_DB
from remixd.units import STEM_ROLES, frames_from_seconds

BLOCK_FRAMES: Final = 48_000


def add_racks(session: Session, racks: Iterable[WeightedRack], roles: Collection[str]) -> None:
    """Give a session that plays these roles on its first deck the racks of a blend, from its first sample on.

    Raises InvalidInput, in a sentence, for one that cannot be built or takes too long.
    """
    for key, rack in enumerate(racks, start=1):
        if rack.on in STEM_ROLES and rack.on not in roles:
            continue
        from remixd.engine.racks import Racks  # pedalboard comes with it: only where there are racks

        try:
            built, _ = Racks().build(rack_score(rack.chain, key=key))
            session.racks.put(built)
        except ValueError as error:
            raise InvalidInput(f"{rack.preset}, on {rack.on}: {error}") from None
        deck = EVERY_DECK if rack.on == MASTER else 0
        order = rack_order(key, rack.weight, deck=deck, role=rack.on if rack.on in STEM_ROLES else "")
        session.post(
            key, order.dimension, order.value, kind=order.kind, deck=order.deck, extra=order.extra,
            ramp_frames=order.ramp_frames,
        )  # fmt: skip


def render(
    track: Track,
    caches: Sequence[Path],
    mix: Mapping[str, float],
    start_s: float,
    seconds: float | None,
    racks: Iterable[WeightedRack] = (),
) -> Iterator[NDArray[np.float32]]:
    """Render part of a track at one mix, in blocks of at most a second.

    Args:
        track: what to play.
        caches: the cache file of each of its playing stems, in order.
        mix: a value for each dimension; rights clamp it.
        start_s: where in the song to begin.
        seconds: of output; None for all that is left of the song, to the frame.
        racks: of the presets that it is rendered in.

    Yields float32 (frames, 2). Raises InvalidInput if there is nothing to render, or for a rack that cannot
    be. Thread: any, one at a time.
    """
    fft.prepare(user_cache_path() / "fftwf.wisdom")
    stems = [Stem.open(path) for path in caches]
    start = frames_from_seconds(start_s)
    if not 0 <= start < stems[0].frames:
        raise InvalidInput(f"start {start_s:g} s is outside the song, which lasts {track.duration_s:.3f} s")
    low, high = zip(*(track.rights.range(name) for name in PLAYABLE), strict=True)
    session = Session(
        stems,
        [STEM_ROLES.index(stem.role) for stem in track.playing_stems],
        start=start,
        loop=False,
        mix=[_given(track, mix, name) for name in PLAYABLE],
        low=low,
        high=high,
        vocals_limit_db=None if track.rights.vocals_solo else VOCALS_ABOVE_DB,
        generated=track.rights.generated,
    )
    add_racks(session, racks, track.roles)
    tempo = min(max(mix["tempo"], low[0]), high[0])
    left = round((stems[0].frames - start) / tempo) if seconds is None else frames_from_seconds(seconds)
    if left <= 0:
        raise InvalidInput(f"{seconds:g} s is nothing to render")
    layer = _Layer(session, track, mix)
    while left > 0:
        layer.lay(session.position if session.clock else start)
        block = session.render(min(left, BLOCK_FRAMES))
        left -= block.shape[0]
        yield block


def _given(track: Track, mix: Mapping[str, float], name: str) -> float:
    """What a dimension is given, with what density takes off it."""
    offset_db = thinned_db(mix["density"], track.roles).get(name, 0.0)
    return together_db(mix[name], offset_db) if offset_db else mix[name]


class _Layer:
    """What density generates over an offline render, or takes off its low band. The seed is 0."""

    def __init__(self, session: Session, track: Track, mix: Mapping[str, float]) -> None:
        self._session = session
        self._density = mix["density"]
        self._bass_is_off = mix["bass"] <= QUIET_BASS_DB
        self._shelf = PatternShelf(session)
        self._newest = -1  # bar that is laid
        self._song: Accompaniment | None = None
        beats = Beats.of(track)
        if self._density > 0.0 and beats.heard and track.rights.generated:
            self._song = Accompaniment.of(track, beats, seed=0)
            self._post(mailbox.LEVEL, 0.0, dimension=LAYER)
        if low := low_db(self._density):
            self._post(mailbox.STRIP, low, dimension=CHANNEL.index("low"))

    def _post(self, kind: int, value: float, *, dimension: int = 0, extra: float = 0.0) -> None:
        self._session.post(0, dimension, value, kind=kind, deck=0, extra=extra)

    def lay(self, frame: float) -> None:
        """Have every bar ready that may begin in the next block, which begins at a source frame."""
        if self._song is None:
            return
        self._shelf.collect()
        span = self._song.measures.span
        last = frame + 2 * BLOCK_FRAMES
        new = [bar for bar in range(len(self._song.measures)) if frame < span(bar)[1] and span(bar)[0] < last]
        scores = [self._score(self._song, bar) for bar in new if bar > self._newest]
        if not scores:
            return
        self._newest = new[-1]
        hits = [hit for score in scores for hit in score["hits"]]
        score = {**scores[0], "end": scores[-1]["end"], "hits": hits}
        self._shelf.shelve(make_pattern(score, Stem.open))
        self._post(mailbox.PATTERN, 0.0, extra=score["key"])

    def _score(self, song: Accompaniment, bar: int) -> dict[str, Any]:
        made = song.bar(bar, self._density, bass_is_off=self._bass_is_off)
        return song.score(bar, made, key=bar + 1, player=FIRST_PLAYER, deck=0)
