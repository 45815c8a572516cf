"""What a replay needs of a library: the tracks that were played, as they were. Thread: the command line's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from remixd.control.caches import Caches
from remixd.control.plugins import EFFECT
from remixd.control.provenance import build_differences
from remixd.control.recording import Recording
from remixd.control.score import track_of
from remixd.engine.patterns import bank_id
from remixd.errors import InvalidInput, NotFound
from remixd.track.cache import read_header
from remixd.track.package import Track

Cached = dict[tuple[str, str], Path]


async def hold_tracks(
    recording: Recording, caches: Caches, get: Callable[[str], Track], held: ExitStack
) -> Cached:
    """Have the caches of all that a session played, until `held` is closed; by track and stem.

    Raises NotFound for a track that the library does not have, InvalidInput where its music is another now,
    or where its rights do not let what is made of it leave the machine.
    """
    found: Cached = {}
    scores = [*recording.players.values(), *recording.patterns.values()]
    played = [stem for score in scores for stem in score["stems"]]
    for name in sorted({stem["track"] for stem in played}):
        try:
            track = get(name)
        except NotFound as error:
            raise NotFound(
                f"the session played {name}, which {caches.library} does not have", kind="track", name=name
            ) from error
        track.check_export()
        for played_track in _played(recording, track):
            lease = await caches.hold(played_track)
            held.callback(lease.close)
            found |= {(name, path.stem): path for path in lease.paths}
    for stem in played:
        _check(stem, found)
    return found


def _played(recording: Recording, track: Track) -> list[Track]:
    """Each way in which a track was played: in a language, as its master, or in one file."""
    scores = [score for score in recording.players.values() if score["stems"][0]["track"] == track.id]
    try:
        ways = {tuple(each["stem"] for each in score["stems"]): track_of(score, track)[0] for score in scores}
    except InvalidInput as error:
        raise InvalidInput(f"{error}, which the session played") from error
    return list(ways.values())


def _check(played: Mapping[str, Any], found: Cached) -> None:
    path = found.get((played["track"], played["stem"]))
    if path is None:
        raise InvalidInput(
            f"{played['track']} has no {played['stem']} in its cache now, which the session played"
        )
    if played["content"] and read_header(path).content.hex() != played["content"]:
        raise InvalidInput(
            f"{played['track']}: the {played['stem']} of today is other music than the session played"
        )


def plugins_played(recording: Recording) -> list[str]:
    """The third-party plug-ins of a session's racks, by name."""
    elements = [element for score in recording.racks.values() for element in score["chain"]]
    plugins = [element for element in elements if element.get("effect") == EFFECT]
    return sorted({str(element.get("name") or Path(element["path"]).stem) for element in plugins})


def differences(recording: Recording, found: Cached) -> list[str]:
    """Why a replay may differ from what was heard, a phrase each; none where it is the same bit for bit."""
    told = build_differences(recording.header.build)
    others = {
        played["track"]
        for score in recording.players.values()
        for played in score["stems"]
        if read_header(found[played["track"], played["stem"]]).crc32 != played["crc32"]
    }
    if recording.banks and recording.banks != {bank_id()}:
        told.append("the sounds of the groove layer are others")
    return told + [f"the cache of {track} was built anew, and is not the same" for track in sorted(others)]
