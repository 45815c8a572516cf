"""Where the library commands find their songs: on disk, or with the daemon that serves them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from remixd.cli._out import plain
from remixd.config import expand_home, library_chosen, library_path
from remixd.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from remixd.client import Client, Track
    from remixd.track.edits import Edits
    from remixd.track.import_options import ImportOptions
    from remixd.track.library import Library
    from remixd.track.search import Search

OnProgress = Callable[[float, str], None]
Song = dict[str, Any]
"""What `remixd import` prints of a song, in JSON's types."""

ImportSong: TypeAlias = "Callable[[Path, ImportOptions, OnProgress], Awaitable[Song]]"
T = TypeVar("T")


def find_track(word: str, get: Callable[[str], T], ids: Callable[[], Iterable[str]]) -> T:
    """Look a track up by its id, or by the beginning of one id only.

    Args:
        word: what a person typed.
        get: gives the track of an id; raises NotFound.
        ids: all ids there are; asked for only if `word` is none.

    Raises NotFound as `get` does, InvalidInput if several ids begin with `word`.
    """
    try:
        return get(word)
    except NotFound:
        begun = sorted(track for track in ids() if word and track.startswith(word))
        if not begun:
            raise
    if len(begun) > 1:
        shown = ", ".join(begun[:5]) + (", ..." if len(begun) > 5 else "")
        raise InvalidInput(f"{word!r} is the beginning of {len(begun)} tracks: {shown}")
    return get(begun[0])


class Shelf(Protocol):
    """A library, wherever it is. Values are in JSON's types."""

    def importing(self, *, warm: bool) -> AbstractAsyncContextManager[ImportSong]:
        """What imports a song, with its cache if `warm`, and tells what is there then; in one event loop."""

    def rows(self, search: Search) -> list[dict[str, Any]]:
        """The tracks that are looked for, as a list shows them."""

    def package(self, track: str) -> dict[str, Any]:
        """One track in full, by its id or the beginning of it."""

    def folder(self, track: str) -> Path:
        """Where the package of a track is, by its id."""

    def edit(self, track: str, changes: Edits, reset: tuple[str, ...]) -> dict[str, Any]:
        """Edit a track by hand, by its id, and give it as it is then."""

    def delete(self, track: str) -> None:
        """Take a track out of the library, by its id."""


class DiskShelf:
    """The library in a folder."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @asynccontextmanager
    async def importing(self, *, warm: bool) -> AsyncIterator[ImportSong]:
        """Import in workers of our own."""
        from remixd.control.caches import Caches
        from remixd.control.ingest import import_path

        caches = Caches(self._library.path) if warm else None

        async def import_song(path: Path, options: ImportOptions, on_progress: OnProgress) -> Song:
            song = expand_home(path).absolute()
            done = await import_path(song, self._library.path, options, on_progress, caches)
            return imported_json(done.track_id, done.title, done.stems, added=done.new, notes=done.notes)

        yield import_song

    def rows(self, search: Search) -> list[dict[str, Any]]:
        """Read the list."""
        return [plain(row) for row in self._library.tracks(search)]

    def package(self, track: str) -> dict[str, Any]:
        """Read the package."""
        return find_track(
            track, self._library.get, lambda: (row.id for row in self._library.tracks())
        ).to_json()

    def folder(self, track: str) -> Path:
        """A folder of ours."""
        from remixd.track.library import track_folder

        return track_folder(self._library.path, track)

    def edit(self, track: str, changes: Edits, reset: tuple[str, ...]) -> dict[str, Any]:
        """Edit on the disk."""
        return self._library.edit(track, changes, reset).to_json()

    def delete(self, track: str) -> None:
        """Delete on the disk."""
        self._library.delete(track)


class DaemonShelf:
    """The library of a daemon."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @asynccontextmanager
    async def importing(self, *, warm: bool) -> AsyncIterator[ImportSong]:
        """Have the daemon import."""
        from remixd.client import AsyncClient

        async with AsyncClient(str(self._client.address)) as client:

            async def import_song(path: Path, options: ImportOptions, on_progress: OnProgress) -> Song:
                done = await client.import_track(
                    path,
                    roles=options.roles,
                    grid=options.grid,
                    splitter=options.splitter,
                    again=options.again,
                    warm=warm,
                    on_progress=on_progress,
                )
                return imported_json(done.id, done.title, done.stems, added=done.added, notes=done.notes)

            yield import_song

    def rows(self, search: Search) -> list[dict[str, Any]]:
        """Ask for the list."""
        found = self._client.tracks(search.text, key=search.key, bpm=search.bpm, energy=search.energy)
        return [plain(row) for row in found]

    def package(self, track: str) -> dict[str, Any]:
        """Ask for the package."""
        return package_json(
            find_track(track, self._client.track, lambda: (row.id for row in self._client.tracks()))
        )

    def folder(self, track: str) -> Path:
        """A folder on this machine, as the daemon is."""
        from remixd.track.library import track_folder

        return track_folder(Path(self._client.track(track).library), track)

    def edit(self, track: str, changes: Edits, reset: tuple[str, ...]) -> dict[str, Any]:
        """Have the daemon edit."""
        given = {name: getattr(changes, name) for name in changes.names if name != "sections"}
        sections = {part.start_s: part.label for part in changes.sections}
        return package_json(self._client.edit_track(track, **given, sections=sections, reset=reset))

    def delete(self, track: str) -> None:
        """Have the daemon delete."""
        self._client.delete_track(track)


@contextmanager
def open_shelf(library: Path | None, daemon: str | None) -> Iterator[Shelf]:
    """The library or daemon that was named, else REMIXD_LIBRARY's, else a running daemon's, else the user's.

    A daemon that was named must run: Unavailable if it does not. Raises InvalidInput if both are named.
    """
    if library is not None and daemon is not None:
        raise InvalidInput("--library and --daemon name two libraries: give one of them")
    named = None if daemon is not None else library_chosen(library)
    if named is None:
        from remixd.client import Client

        with Client(daemon) as client:
            if daemon is not None or client.is_serving():
                yield DaemonShelf(client)
                return
    from remixd.track.library import Library

    with Library(named or library_path()) as opened:
        yield DiskShelf(opened)


def imported_json(
    track: str, title: str, stems: Iterable[Any], *, added: bool, notes: Iterable[str]
) -> dict[str, Any]:
    """What `remixd import` prints of a song."""
    return {
        "id": track,
        "title": title,
        "stems": [
            {
                name: getattr(stem, name)
                for name in ("name", "role", "language", "plays", "colour", "estimated")
            }
            for stem in stems
        ],
        "new": added,
        "notes": list(notes),
    }


def package_json(track: Track) -> dict[str, Any]:
    """A track that came over the wire, in the shape of `remixd.track.package.Track.to_json`."""
    value: dict[str, Any] = plain(track)
    for name in ("analysis_source", "library"):
        del value[name]
    value["source"] = {part: value.pop(f"source_{part}") for part in ("kind", "name")}
    value["source"]["content"] = value.pop("content")
    return value
