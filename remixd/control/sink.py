"""Where a session's sound goes, as people write it: `stream`, `device:NAME`, `file:PATH`, `null:fast`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from remixd.errors import InvalidInput, nearest

SinkKind = Literal["stream", "device", "file", "null"]
KINDS: Final[tuple[SinkKind, ...]] = ("stream", "device", "file", "null")


@dataclass(frozen=True, slots=True)
class Sink:
    """A sink. Listeners can join any of them.

    Attributes:
        kind: `stream`, for listeners alone; `device`, a sound device; `file`, a WAV file; `null`, nowhere.
        name: part of a device's name (empty: the default device); a file's absolute path; `fast` for a null
            sink that is rendered as fast as it goes.
    """

    kind: SinkKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @classmethod
    def parse(cls, text: str) -> Sink:
        """Read `KIND[:NAME]`. Raises InvalidInput, naming the text and what would do."""
        kind, _, name = text.partition(":")
        if kind not in KINDS:
            raise InvalidInput(f"there is no sink {kind!r}: {nearest(kind, KINDS)}", field="sink")
        if not name.isprintable() or len(name) > 1024:
            raise InvalidInput(f"the name of the {kind} sink holds what no name holds", field="sink")
        match kind:
            case "stream" if name:
                raise InvalidInput(f"a stream sink has no name: {text!r}", field="sink")
            case "null" if name not in ("", "fast"):
                raise InvalidInput(f"a null sink is null or null:fast, not {text!r}", field="sink")
            case "file":
                path = Path(name)
                if not path.is_absolute() or path.suffix.lower() != ".wav":
                    raise InvalidInput(
                        f"a file sink is file: and the absolute path of a .wav, not {text!r}", field="sink"
                    )
        return cls(kind, name)
