"""The demo song: composed in code, rendered by a small numpy synthesiser."""

from __future__ import annotations

from remixd.demo.folder import write_song
from remixd.demo.song import Song

__all__ = ["Song", "write_song"]
