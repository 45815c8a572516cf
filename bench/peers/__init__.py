"""The stretchers that remixd is compared with, each behind one interface; see `peer.Peer`.

All are optional. Signalsmith Stretch and Bungee come from PyPI (`pip install 'remixd[bench]'`), Rubber Band
and SoundTouch from the system (on Debian: `apt install librubberband2 libsoundtouch-dev g++`).
"""

from __future__ import annotations

from typing import Final

from .bungee import Bungee
from .peer import Peer, Setting, Stream, Unavailable
from .rubberband import RubberBand
from .signalsmith import Signalsmith
from .soundtouch import SoundTouch

__all__ = ["PEERS", "Peer", "Setting", "Stream", "Unavailable", "available_peers"]

PEERS: Final[tuple[Peer, ...]] = (
    RubberBand(engine=3),
    RubberBand(engine=2),
    Bungee(),
    Signalsmith(),
    SoundTouch(),
)


def available_peers() -> tuple[list[Peer], dict[str, str]]:
    """The peers that work here, and by the name of each other one why it does not."""
    found, missing = [], {}
    for peer in PEERS:
        try:
            peer.load()
        except Unavailable as error:
            missing[peer.name] = str(error)
        else:
            found.append(peer)
    return found, missing
