"""The Tracks service."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from remixd.api import convert
from remixd.api.masks import check_mask, masked
from remixd.api.pages import cut_page
from remixd.api.status import Context
from remixd.audience.signal import check_name
from remixd.control.ingest import ImportResult
from remixd.control.worker import OnProgress
from remixd.errors import InvalidInput
from remixd.track.import_options import ImportOptions, check_splitter
from remixd.track.library import Library
from remixd.track.listing import TrackRow
from remixd.track.overview import outlines
from remixd.v1 import tracks_pb2 as pb
from remixd.v1 import tracks_pb2_grpc

PATH_LENGTH_MAX: Final = 4096
ROLES_MAX: Final = 64
COLUMNS: Final = 1000
COLUMNS_MAX: Final = 16_384

ImportPath = Callable[[Path, Path, ImportOptions, OnProgress, bool], Awaitable[ImportResult]]
"""Imports: the song's path, the library, how, progress, whether to build the cache too."""


def _check_path(text: str, field: str) -> Path:
    if not text:
        raise InvalidInput(f"{field} is empty", field=field)
    if len(text) > PATH_LENGTH_MAX or "\0" in text:
        raise InvalidInput(
            f"{field} must be at most {PATH_LENGTH_MAX} characters, none of them NUL", field=field
        )
    path = Path(text)
    if not path.is_absolute():
        raise InvalidInput(f"{field} must be absolute, not {text!r}", field=field)
    return path


def _options(request: pb.ImportTrackRequest) -> ImportOptions:
    if len(request.roles) > ROLES_MAX:
        count = len(request.roles)
        raise InvalidInput(f"roles has {count} entries; at most {ROLES_MAX} are taken", field="roles")
    return ImportOptions(
        roles=convert.roles_from_proto(request.roles),
        grid=_check_path(request.grid, "grid") if request.grid else None,
        splitter=check_splitter(request.splitter),
        again=request.again,
    )


def _row_key(row: TrackRow) -> tuple[str, str]:
    return row.imported_at, row.id


class TracksServicer(tracks_pb2_grpc.TracksServicer):
    """Translates between the wire and the library. Thread: [control]."""

    def __init__(self, library: Library, import_path: ImportPath) -> None:
        self._library = library
        self._import_path = import_path

    async def ImportTrack(  # noqa: N802 (the proto's name)
        self, request: pb.ImportTrackRequest, _context: Context
    ) -> AsyncIterator[pb.ImportTrackResponse]:
        """Import a song, telling how far it is; the caller's going away ends the import."""
        path, options = _check_path(request.path, "path"), _options(request)
        told: deque[pb.ImportProgress] = deque(maxlen=1)  # a slow reader gets the newest
        news = asyncio.Event()

        def tell(done: float, doing: str) -> None:
            told.append(pb.ImportProgress(done=done, doing=doing))
            news.set()

        task = asyncio.ensure_future(self._import_path(path, self._library.path, options, tell, request.warm))
        task.add_done_callback(lambda _: news.set())
        try:
            while not task.done():
                await news.wait()
                news.clear()
                while told:
                    yield pb.ImportTrackResponse(progress=told.popleft())
            yield pb.ImportTrackResponse(track=convert.imported_to_proto(await task))
        finally:
            task.cancel()
            await asyncio.wait({task})  # its worker is gone before the call is

    async def GetTrack(  # noqa: N802
        self, request: pb.GetTrackRequest, _context: Context
    ) -> pb.GetTrackResponse:
        """Give one track, in full or as far as it is wanted."""
        mask = check_mask(request.read_mask, pb.Track)
        track = self._library.get(check_name("track", request.track))
        told = masked(convert.track_to_proto(track), mask)
        return pb.GetTrackResponse(track=told, library=str(self._library.path))

    async def EditTrack(  # noqa: N802
        self, request: pb.EditTrackRequest, _context: Context
    ) -> pb.EditTrackResponse:
        """Edit one track by hand."""
        track = await asyncio.to_thread(
            self._library.edit,
            check_name("track", request.track),
            convert.edits_from_proto(request.edits),
            tuple(request.reset),
        )
        return pb.EditTrackResponse(track=convert.track_to_proto(track), library=str(self._library.path))

    async def GetOverview(  # noqa: N802
        self, request: pb.GetOverviewRequest, _context: Context
    ) -> pb.GetOverviewResponse:
        """Give what the stems of one track look like."""
        columns = request.columns or COLUMNS
        if not 1 <= columns <= COLUMNS_MAX:
            raise InvalidInput(f"columns is {columns}: not within 1 to {COLUMNS_MAX}", field="columns")
        track = self._library.get(check_name("track", request.track))
        found = await asyncio.to_thread(outlines, track, columns)
        return convert.overview_to_proto(found, track.duration_s)

    async def DeleteTrack(  # noqa: N802
        self, request: pb.DeleteTrackRequest, _context: Context
    ) -> pb.DeleteTrackResponse:
        """Take one track out of the library, with all its files; what plays it plays on."""
        await asyncio.to_thread(self._library.delete, check_name("track", request.track))
        return pb.DeleteTrackResponse()

    async def ListTracks(  # noqa: N802
        self, request: pb.ListTracksRequest, _context: Context
    ) -> pb.ListTracksResponse:
        """List the tracks that are looked for, in the order of import."""
        mask = check_mask(request.read_mask, pb.TrackSummary)
        search = convert.search_from_proto(request)
        found = await asyncio.to_thread(self._library.tracks, search)  # of 10,000 tracks: 40 ms
        rows, token = cut_page(found, _row_key, request.page_size, request.page_token)
        return pb.ListTracksResponse(
            tracks=[masked(convert.row_to_proto(row), mask) for row in rows], next_page_token=token
        )
