"""The library: packages in folders, and the list of them in SQLite.

Several processes use one library at once. A track becomes visible by one rename and one transaction;
whatever a crash leaves behind is put right at the next opening.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from remixd.errors import AlreadyExists, Exhausted, InvalidInput, NotFound, RemixdError, nearest
from remixd.track.edits import FILE, Edits, read_edits
from remixd.track.fields import printable
from remixd.track.listing import TrackRow, in_memory, list_track, read_rows
from remixd.track.lock import folder_locked, sync_folder, try_lock
from remixd.track.migrations import migrate
from remixd.track.package import Track, carry_edits, load_track, write_file
from remixd.track.search import Search
from remixd.track.swap import exchange, former, inode, leave_mark, settle, unsettled

EVERYTHING: Final = Search()
BUSY_S: Final = 20.0
"""How long to wait for another process that writes the list."""


def track_folder(library: Path, track_id: str) -> Path:
    """Where a track's package is."""
    return library / "tracks" / track_id


def cache_folder(library: Path, track_id: str) -> Path:
    """Where a track's engine-rate audio is; it may not be there yet."""
    return library / "cache" / track_id


class Library:
    """A folder of tracks, made where it is not there yet. Use it as a context manager, or `close` it.

    One on a read-only disk can be read: its tracks, and their caches where they are warm.

    Raises InvalidInput where the folder or its list cannot be used, naming it.
    Thread: [control] or [ingest]; calls from several threads wait for each other.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._mutex = threading.RLock()
        self._held: dict[Path, int] = {}  # the imports under way here: folder, descriptor of its lock
        self._writable = not self.path.is_dir() or os.access(self.path, os.W_OK)
        if self._writable:
            self._make_folders()
        self._db = self._open()
        try:
            if self._writable:
                self.sweep()
                self._reconcile()
        except BaseException:
            self.close()
            raise

    def _make_folders(self) -> None:
        try:
            for folder in (self._tracks, self._incoming, self.path / "cache"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"{printable(self.path)} cannot hold a library: {error.strerror}") from None

    def _require_writable(self) -> None:
        if not self._writable:
            raise InvalidInput(f"the library {printable(self.path)} is read-only here")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the list and of every import under way, which is swept at the next opening."""
        with self._mutex:
            self._db.close()
            for lock in self._held.values():
                os.close(lock)
            self._held.clear()

    @property
    def _tracks(self) -> Path:
        return self.path / "tracks"

    @property
    def _incoming(self) -> Path:
        return self.path / "incoming"

    def tracks(self, search: Search = EVERYTHING) -> list[TrackRow]:
        """Every track that is looked for, in the order of import; from the list alone."""
        with self._errors(), self._mutex:
            return search.of(read_rows(self._db))

    def count(self) -> int:
        """How many tracks there are."""
        with self._errors():
            return int(self._db.execute("SELECT count(*) FROM tracks").fetchone()[0])

    def get(self, track_id: str) -> Track:
        """Read one package. Raises NotFound with the nearest id."""
        folder = track_folder(self.path, track_id)
        with self._errors(), self._mutex:
            self._require(track_id)
            before = inode(folder)
        with contextlib.suppress(RemixdError):
            track = load_track(folder)
            if inode(folder) == before:
                return track
        if not self._writable:
            return load_track(folder)
        with self._errors(), self._mutex, self._transaction():  # whoever puts another in its place is done
            self._require(track_id)
            return load_track(folder)

    def _require(self, track_id: str) -> None:
        if not self._db.execute("SELECT 1 FROM tracks WHERE id = ?", (_stored(track_id),)).fetchone():
            known = [row[0] for row in self._db.execute("SELECT id FROM tracks")]
            shown = printable(track_id)
            raise NotFound(
                f"there is no track {shown!r}: {nearest(track_id, known)}", kind="track", name=shown
            )

    def edit(self, track_id: str, changes: Edits, reset: Collection[str] = ()) -> Track:
        """Edit a track by hand: undo the edits named in `reset`, then make `changes`; all or nothing.

        What plays it goes on as it is. Raises NotFound with the nearest id, InvalidInput naming the field of
        an absurd edit.
        """
        self._require_writable()
        folder = track_folder(self.path, track_id)
        with self._errors(), self._mutex:
            self._require(track_id)
            with self._changing(track_id):
                self._require(track_id)
                edits = read_edits(folder).with_changes(changes, reset)
                track = load_track(folder, edits)
                list_track(self._db, track)
                unfinished = folder / f".{FILE}"
                write_file(unfinished, edits.to_toml().encode())
                unfinished.replace(folder / FILE)
                sync_folder(folder)
        return track

    def with_content(self, content: str) -> Track | None:
        """The track imported from this content (`Track.content`), if it is there and whole."""
        with self._errors(), self._mutex:
            row = self._db.execute("SELECT id FROM tracks WHERE content = ?", (content,)).fetchone()
        if row:
            with contextlib.suppress(RemixdError):
                return load_track(track_folder(self.path, row[0]))
        return None

    def incoming(self) -> Path:
        """Make a folder for an import; it is this library's until `add`, `discard` or `close`.

        Its lock is held by the system for as long as this process lives, so that others can tell an
        import under way from what a killed one left behind. Raises InvalidInput on a read-only disk.
        """
        self._require_writable()
        folder = self._incoming / uuid.uuid4().hex
        with self._mutex:
            while (lock := try_lock(folder.with_suffix(".lock"))) is None:
                continue  # a sweep came between making and locking the file, and took it away
            self._held[folder] = lock
            folder.mkdir()
        return folder

    def discard(self, incoming: Path) -> None:
        """Take away an import that failed."""
        with self._mutex:
            shutil.rmtree(incoming, ignore_errors=True)
            incoming.with_suffix(".lock").unlink(missing_ok=True)
            if (lock := self._held.pop(incoming, None)) is not None:
                os.close(lock)

    def add(self, incoming: Path, *, again: bool = False) -> tuple[Track, bool]:
        """List a package that is complete and on disk; the folder `incoming` is used up.

        Returns the track, and whether it is new. A track with the same content that is listed already
        stays, and is returned; with `again` the package takes its place, under the same id. Edits stay.
        Raises InvalidInput for a package that is not whole.
        """
        track = load_track(incoming)
        with self._mutex:
            with self._errors(), self._changing(track.id):
                there = self.with_content(track.content)
                if there is None:
                    self._db.execute(
                        "DELETE FROM tracks WHERE content = ? OR id = ?", (track.content, track.id)
                    )
                    self._place(incoming, track)
                elif again:
                    self._replace(incoming, track)
            self.discard(incoming)
            shutil.rmtree(former(self._tracks / track.id), ignore_errors=True)
        kept = there if there is not None and not again else load_track(track_folder(self.path, track.id))
        return kept, there is None

    def _place(self, incoming: Path, track: Track) -> None:
        """Rename a package to where it belongs and list it, or neither."""
        place = track_folder(self.path, track.id)
        if place.exists():  # not whole, or it would have been found by its content
            carry_edits(place, incoming)
            shutil.rmtree(place)
        incoming.rename(place)
        try:
            self._list(place)
        except BaseException:
            place.rename(incoming)
            raise

    def _replace(self, incoming: Path, track: Track) -> None:
        """Put a package in the place of the one with its id; where names can swap, one is always there."""
        place = track_folder(self.path, track.id)
        carry_edits(place, incoming)
        if not exchange(incoming, place):
            place.rename(former(place))
            try:
                self._place(incoming, track)
            except BaseException:
                former(place).rename(place)
                raise
            return
        try:
            self._list(place)
        except BaseException:
            exchange(incoming, place)
            raise

    def _list(self, place: Path) -> None:
        """List the package that came to be here, once its name is on disk."""
        sync_folder(self._tracks)
        list_track(self._db, load_track(place))

    def delete(self, track_id: str) -> None:
        """Take a track out of the list, and its package and cache off the disk; it cannot be undone.

        Who has its files open or mapped keeps them until he closes them. Raises NotFound with the nearest
        id. Thread: any but the event loop's, since it may take a while.
        """
        trash = self.incoming()  # swept by the next opening, should this process die on the way
        try:
            with self._errors(), self._mutex, self._transaction():
                self._require(track_id)
                with contextlib.suppress(FileNotFoundError):  # not whole: then it is only listed
                    track_folder(self.path, track_id).rename(trash / "track")
                try:
                    self._db.execute("DELETE FROM tracks WHERE id = ?", (track_id,))
                    sync_folder(self._tracks)
                except BaseException:
                    with contextlib.suppress(FileNotFoundError):
                        (trash / "track").rename(track_folder(self.path, track_id))
                    raise
            shutil.rmtree(cache_folder(self.path, track_id), ignore_errors=True)
        finally:
            self.discard(trash)

    def sweep(self) -> None:
        """Take away the imports that nobody works on any more."""
        with contextlib.suppress(FileNotFoundError):
            for entry in sorted(self._incoming.iterdir()):
                with self._mutex:
                    if entry.with_suffix("") not in self._held:
                        _sweep(entry.with_suffix(""))

    @contextlib.contextmanager
    def lock_for_serving(self) -> Iterator[None]:
        """Be the one daemon that serves this library.

        Raises AlreadyExists while another does, InvalidInput for a library on a read-only disk.
        """
        self._require_writable()
        path = self.path / "lock"
        lock = try_lock(path)
        if lock is None:
            owner = path.read_text("ascii", "replace")[:20].strip()
            by = f" (process {owner})" if owner.isdigit() else ""
            raise AlreadyExists(f"another daemon serves the library {printable(self.path)}{by}")
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(lock)

    def _open(self) -> sqlite3.Connection:
        """Open the list, or make it. Raises InvalidInput for a newer or a damaged one."""
        path = self.path / "library.db"
        with self._errors(), folder_locked(self.path):  # SQLite does not wait while the mode changes
            db = self._connect(path)
            try:
                if self._writable:
                    db.execute("PRAGMA journal_mode = WAL")
                    db.execute("PRAGMA synchronous = FULL")
                if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                    raise sqlite3.DatabaseError("it fails its own check")
                if not self._writable:
                    db = in_memory(db)
                migrate(db, printable(path))
            except BaseException:
                db.close()
                raise
        return db

    def _connect(self, path: Path) -> sqlite3.Connection:
        # On a disk that cannot be written to there is no write-ahead log to read, or none that changes.
        how = "mode=rwc" if self._writable else "mode=ro&immutable=1"
        address = f"{path.as_uri()}?{how}"
        return sqlite3.connect(
            address, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Say what SQLite cannot do in a sentence that names the file."""
        name = printable(self.path / "library.db")
        try:
            yield
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise Exhausted(f"{name}: the disk is full") from None
            raise InvalidInput(f"{name} cannot be used now: {error}") from None
        except sqlite3.DatabaseError as error:
            raise InvalidInput(
                f"{name} is damaged ({error}); move it away, and the list is made again from the tracks"
            ) from None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Be the only one that writes, all or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _changing(self, track_id: str) -> Iterator[None]:
        """As `_transaction`; if this process dies, the next opening reads the track's package again."""
        with self._transaction():
            mark = leave_mark(self._tracks, track_id)
            try:
                yield
            except BaseException:
                mark.unlink(missing_ok=True)
                raise
        mark.unlink(missing_ok=True)

    def _reconcile(self) -> None:
        """Make the list agree with the folders: adopt the whole ones, forget what is gone."""

        def differ() -> tuple[set[str], set[str]]:
            there = {entry.name for entry in self._tracks.iterdir() if entry.is_dir()}
            listed = {row[0] for row in self._db.execute("SELECT id FROM tracks")}
            return there - listed, listed - there

        with self._errors(), self._mutex:
            if not any(differ()) and not unsettled(self._tracks):
                return
            with self._transaction():  # looked at again, now that no import can come between
                settled = settle(self._tracks)
                unlisted, gone = differ()
                for name in sorted(unlisted | settled):
                    with contextlib.suppress(RemixdError):  # not whole: left alone, and not listed
                        track = load_track(track_folder(self.path, name))
                        if track.id == name:
                            list_track(self._db, track)
                self._db.executemany("DELETE FROM tracks WHERE id = ?", [(name,) for name in gone])


def _stored(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # SQLite takes no lone surrogates


def _sweep(folder: Path) -> None:
    """Take away one import and its lock, unless somebody holds it."""
    path = folder.with_suffix(".lock")
    lock = try_lock(path)
    if lock is None:
        return
    shutil.rmtree(folder, ignore_errors=True)
    path.unlink(missing_ok=True)
    os.close(lock)
