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
from remixd.errors import InvalidInput, NotFound
from remixd.track.cache import read_header
from remixd.track.package import Track

Cached = dict[tuple[str, str], Path]


async def hold_tracks(
    recording: Recording, caches: Caches, get: Callable[[str], Track], held: ExitStack
) -> Cached:
    """Have the caches of all that a session played, until `held` is closed; by track and stem.

    Raises NotFound for a track that the library does not have, InvalidInput where its music is another now.
    """
    found: Cached = {}
    played = [stem for score in recording.players.values() for stem in score["stems"]]
    for name in sorted({stem["track"] for stem in played}):
        try:
            track = get(name)
        except NotFound as error:
            raise NotFound(
                f"the session played {name}, which {caches.library} does not have", kind="track", name=name
            ) from error
        lease = await caches.hold(track)
        held.callback(lease.close)
        for path in lease.folder.glob("*.pcm"):
            found[name, path.stem] = path
    for stem in played:
        _check(stem, found)
    return found


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
    return told + [f"the cache of {track} was built anew, and is not the same" for track in sorted(others)]
