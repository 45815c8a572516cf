"""Thousands of damaged songs: through the importer, through a daemon that plays, and as packages."""

from __future__ import annotations

import os
import random
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from mutations import (
    SPECIMENS,
    TEXT,
    Specimen,
    check_library,
    check_outcome,
    children,
    damaged,
    make_originals,
    open_files,
    outcome,
)
from processes import Daemon

from remixd.analysis.ingest import ingest
from remixd.analysis.warm import warm
from remixd.client import Client
from remixd.errors import RemixdError
from remixd.track.edits import Edits
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.package import Track

EACH = 150
THROUGH_THE_DAEMON = 8
PACKAGES = 200
GROWN_MB = 400

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    make_originals(folder)
    return folder


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
def test_thousands_of_damaged_songs_are_errors_or_good_tracks(
    tmp_path: Path, originals: Path, specimen: Specimen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In all EACH of every specimen."""
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    errors = 0
    with Library(tmp_path / "library") as library:
        before, grown = open_files(), peak_mb()
        for seed in range(EACH):
            folder = tmp_path / "damaged"
            folder.mkdir()
            song, options = damaged(originals, folder, specimen, f"soak {seed}")
            found = outcome(song, options, library)
            check_outcome(found, song, options)
            errors += isinstance(found, str)
            if isinstance(found, Track):
                check_library(library)
                library.delete(found.id)
            assert [list((library.path / name).iterdir()) for name in ("incoming", "tracks")] == [[], []]
            shutil.rmtree(folder)
        assert open_files() == before
        assert peak_mb() < grown + GROWN_MB
    assert errors > EACH // 10
    assert list(spare.iterdir()) == []
    assert children(os.getpid()) == []


def test_a_daemon_that_plays_is_not_disturbed_by_damaged_songs(tmp_path: Path, originals: Path) -> None:
    library = tmp_path / "library"
    with Library(library) as opened:
        whole = ingest(originals / "song", opened, ImportOptions(), lambda _share, _doing: None).track
    daemon = Daemon(library, tmp_path / "errors")
    try:
        with daemon.client(60.0) as client:
            session = client.create_session(whole.id).id
            for specimen in SPECIMENS:
                for seed in range(THROUGH_THE_DAEMON):
                    _import_damaged(client, originals, tmp_path / "damaged", specimen, seed)
                heard = client.listen(session, 0.5)
                assert heard.gaps == 0
                assert np.isfinite(heard.pcm).all()
                assert np.abs(heard.pcm).max() > 0.001
                assert children(daemon.process.pid, b"remixd.analysis") == []
            assert client.is_serving()
            assert list((library / "incoming").iterdir()) == []
            assert {row.id for row in client.tracks()} == {p.name for p in (library / "tracks").iterdir()}
    finally:
        assert daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()


def _import_damaged(client: Client, originals: Path, folder: Path, specimen: Specimen, seed: int) -> None:
    folder.mkdir()
    song, options = damaged(originals, folder, specimen, f"daemon {seed}")
    told = ""
    try:
        client.import_track(song, grid=options.grid)
    except RemixdError as error:
        told = str(error)
    assert len(told.splitlines()) <= 1
    assert "failed within" not in told
    shutil.rmtree(folder)


def test_damaged_packages_are_told_and_mended_by_their_songs(tmp_path: Path, originals: Path) -> None:
    """A damaged library opens; a damaged package is read whole or refused; the song mends it."""
    rng = random.Random(5)
    with Library(tmp_path / "library") as library:
        song = originals / "song"
        track = ingest(song, library, ImportOptions(), lambda _share, _doing: None).track
        library.edit(track.id, Edits(title="Mine", key="8A"))
        warm(track, library.path, 10**12, lambda _share, _doing: None)
    names = [path.relative_to(track.folder) for path in track.folder.rglob("*") if path.is_file()]
    refused = 0
    for _ in range(PACKAGES):
        path = track.folder / rng.choice(names)
        data = bytearray(path.read_bytes())
        if len(data) > 20:
            rng.choice(TEXT if path.suffix in (".toml", ".json") else TEXT[:8])(data, rng)
        path.write_bytes(bytes(data))
        with Library(tmp_path / "library") as library:
            told = ""
            try:
                warm(library.get(track.id), library.path, 10**12, lambda _share, _doing: None)
            except RemixdError as error:
                told = str(error)
            assert len(told.splitlines()) <= 1
            refused += bool(told)
            library.tracks()
            again = ImportOptions(again=True)
            mended = ingest(song, library, again, lambda _share, _doing: None).track
            assert library.get(mended.id) == mended
            check_library(library)
            for stale in mended.folder.glob("edits.toml*"):
                stale.unlink()
            library.edit(mended.id, Edits(title="Mine", key="8A"))
    assert refused > PACKAGES // 4
