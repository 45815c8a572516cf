"""Other ways to play a track: in another language, its master instead of its stems, or their sum.

Thread: any.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace

from remixd.errors import InvalidInput, nearest
from remixd.mix import DIMENSIONS
from remixd.track.fields import printable
from remixd.track.package import Stem, Track
from remixd.track.rights import Rights
from remixd.units import STEM_ROLES

MASTER = "master"

SAME_DB = -40.0
"""A master that is as near to its stems as this, when they null, stands for them unnoticed."""


def languages(track: Track) -> tuple[str, ...]:
    """The languages that some role of a track can be heard in, as far as its rights go."""
    allowed = track.rights.languages
    there = {stem.language for stem in track.stems if stem.language}
    return tuple(sorted(each for each in there if not allowed or each in allowed))


def language_of(track: Track) -> str:
    """The language that a track plays in; empty if none is known."""
    return next((stem.language for stem in track.playing_stems if stem.language), "")


def in_language(track: Track, language: str) -> Track:
    """The same track, each role that has stems in a language in that one. Raises InvalidInput."""
    known = languages(track)
    if language not in known:
        there = "it has none" if not known else nearest(language, known)
        raise InvalidInput(
            f"{track.title} is not there in {printable(language)!r}: {there}", field="language"
        )
    roles = {stem.role for stem in track.stems if stem.language == language}

    def plays(stem: Stem) -> bool:
        return stem.language == language if stem.language and stem.role in roles else stem.plays

    return replace(track, stems=tuple(replace(stem, plays=plays(stem)) for stem in track.stems))


def as_master(track: Track) -> Track:
    """The artist's own mix as one stem. Raises InvalidInput where none is kept.

    What the mix would do to its roles no longer can be: the whole of it may move where every role may.
    """
    if track.master is None:
        raise InvalidInput(f"{track.title} has no master: import it with one", field="version")
    return replace(track, stems=(replace(track.master, plays=True),), rights=_of_the_whole(track))


def as_sum(track: Track) -> Track:
    """All that plays as one stem, which the cache makes. What the mix may do to it is as of a master.

    Raises InvalidInput where a stem has the name that the sum would have.
    """
    parts = tuple(stem.name for stem in track.playing_stems)
    name = f"sum-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:8]}"
    whole = Stem(name=name, role="other", file=f"stems/{name}.flac", parts=parts)
    resting = (replace(stem, plays=False) for stem in track.stems)
    return replace(track, stems=(*resting, whole), rights=_of_the_whole(track))


def as_one(track: Track) -> Track:
    """All that plays as one stem: the master, where it is the same music as the stems, or their sum.

    Raises InvalidInput as `as_sum`.
    """
    tested = track.null_test
    nulls = tested is not None and tested.residual_db <= SAME_DB
    names = {stem.name for stem in track.playing_stems}
    in_test = {each.name for each in tested.stems} if tested else set()
    return as_master(track) if track.master and nulls and names == in_test else as_sum(track)


def _of_the_whole(track: Track) -> Rights:
    rights = track.rights
    bounds = [rights.range(role) for role in track.roles]
    ranges = {name: bound for name, bound in rights.ranges.items() if name not in STEM_ROLES}
    ranges["other"] = (
        max([DIMENSIONS["other"].minimum, *(low for low, _ in bounds)]),
        min([DIMENSIONS["other"].maximum, *(high for _, high in bounds)]),
    )
    return replace(rights, ranges=ranges, never_mute=("other",) if rights.never_mute else ())


def of_stems(track: Track, names: Collection[str]) -> Track:
    """The same track, playing the stems of these names. Raises InvalidInput for one that is not there."""
    if set(names) == {MASTER}:
        return as_master(track)
    known = {stem.name for stem in track.stems}
    for name in names:
        if name not in known:
            raise InvalidInput(f"{track.id} has no stem {printable(name)!r}: {nearest(name, known)}")
    return replace(track, stems=tuple(replace(stem, plays=stem.name in names) for stem in track.stems))
