"""`remixd journal` and `remixd render --journal`: what happened, in words and in sound."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from recordings import sine, write_wav
from takes import Take, session_score

from remixd import cli
from remixd._kernel import fft, mailbox
from remixd.control.journal import Journal
from remixd.control.journal_file import file_start
from remixd.control.order import Order, mix_order
from remixd.control.provenance import wisdom_path
from remixd.control.score import player_score
from remixd.track.library import Library
from remixd.track.quota import Lease


@pytest.fixture
def remixd(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Run a command as a person would; its exit code, stdout and stderr."""
    monkeypatch.setenv("REMIXD_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("REMIXD_LISTEN", "127.0.0.1:9")
    monkeypatch.delenv("REMIXD_LIBRARY", raising=False)

    def run(*words: object) -> SimpleNamespace:
        code = cli.run([str(word) for word in words])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def library(tmp_path: Path, remixd: Any) -> Path:
    folder = tmp_path / "a song"
    folder.mkdir()
    write_wav(folder / "vocals.wav", sine(4, 440))
    write_wav(folder / "bass.wav", sine(4, 110))
    done = remixd("import", folder, "--library", tmp_path / "library", "--warm")
    assert done.code == 0, done.err
    return tmp_path / "library"


@pytest.fixture
def journal(library: Path, tmp_path: Path) -> tuple[Path, np.ndarray]:
    """The journal of a session of two seconds, and what was heard."""
    fft.prepare(wisdom_path())
    with Library(library) as opened:
        [row] = opened.tracks()
        track = opened.get(row.id)
    with Lease(library, track) as lease:
        player = player_score(track, lease.paths, key=1, loop=True)
    folder = tmp_path / "state" / "journals" / "00000000"
    folder.mkdir(parents=True)
    take = Take(folder, session_score(player), Journal(folder / "unused"), library)
    take.play(24_000)
    take.tell(mix_order("bass", -6.0))
    take.tell(Order(kind=mailbox.SEEK, value=48_000.0 * 60, deck=0))
    take.tell(Order(kind=mailbox.PAUSE, deck=0, sample=72_000))
    take.play(36_000)
    take.play(36_000)
    return take.path, take.end()


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, 2, 3)
    return np.pad(raw, ((0, 0), (0, 0), (1, 0))).view("<i4")[:, :, 0] / 2.0**31


def test_a_session_is_rendered_again_whole_and_in_part(
    remixd: Any, journal: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    path, heard = journal
    done = remixd("render", "--journal", path, "-o", tmp_path / "all.wav")
    assert done.code == 0, done.err
    assert done.out.endswith("2.00 s of session s-take, bit for bit\n")
    np.testing.assert_allclose(samples(tmp_path / "all.wav"), heard, atol=2**-23)
    done = remixd(
        "render", "--journal", path, "-o", tmp_path / "part.wav", "--from", 0.5, "--seconds", 1, "--json"
    )
    assert json.loads(done.out)["frames"] == 48_000
    np.testing.assert_array_equal(
        samples(tmp_path / "part.wav"), samples(tmp_path / "all.wav")[24_000:72_000]
    )


def test_what_happened_is_told(remixd: Any, journal: tuple[Path, np.ndarray]) -> None:
    told = json.loads(remixd("journal", "show", journal[0], "--json").out)
    events = [(each["what"], each["deck"], each["became"]) for each in told["events"]]
    assert events == [
        ("seek", "A", "refused"),
        ("bass", "", "applied"),
        ("pause", "A", "applied"),
        ("end", "", ""),
    ]
    seek, bass, pause, _ = told["events"]
    assert (bass["value"], bass["signals"], bass["at_s"]) == (
        -6.0,
        ["signal 1"],
        pytest.approx(0.5, abs=0.003),
    )
    assert seek["told"] == "the engine could not take seek: that place is outside the music"
    assert pause["sample"] == 72_000
    table = remixd("journal", "show", journal[0]).out
    assert [line.split()[0] for line in table.splitlines()[1:4]][2] == "1.500"


def test_journals_are_listed(remixd: Any, journal: tuple[Path, np.ndarray]) -> None:
    (journal[0].with_name("broken.rxj")).write_bytes(b"?")
    done = remixd("journal", "list", "--json")
    [row] = json.loads(done.out)
    assert (row["session"], row["path"]) == ("s-take", str(journal[0]))
    assert "broken.rxj cannot be read" in done.err
    assert "s-take" in remixd("journal", "list").out


def test_another_build_is_told_and_promises_less(
    remixd: Any, journal: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remixd.control.provenance._kernel_id", lambda: "0" * 16)
    done = remixd("render", "--journal", journal[0], "-o", tmp_path / "all.wav")
    assert done.code == 0
    assert "at most at -100 dB: it was played by another build of the kernel" in done.err
    assert done.out.endswith("not bit for bit\n")


def test_what_cannot_be_rendered_is_told_in_a_line(
    remixd: Any, journal: tuple[Path, np.ndarray], library: Path, tmp_path: Path
) -> None:
    path, _ = journal
    out = tmp_path / "out.wav"

    def refused(*words: object) -> str:
        done = remixd("render", "-o", out, *words)
        assert done.code != 0
        assert not out.exists()
        assert len(done.err.splitlines()) == 1
        return str(done.err)

    empty = tmp_path / "empty library"
    Library(empty).close()
    assert "the session played a-song-" in refused("--journal", path, "--library", empty)
    assert f"which {empty} does not have" in refused("--journal", path, "--library", empty)
    assert "there is nothing at 9 s" in refused("--journal", path, "--from", 9)
    assert "s-no.rxj is missing" in refused("--journal", path.with_name("s-no.rxj"))
    assert "name a TRACK, or a session's --journal" in refused()
    assert "has its own mixes" in refused("--journal", path, "--mix", "tempo=1.1")
    newer = path.with_name("newer.rxj")
    newer.write_bytes(file_start(9))
    assert "was written by a newer remixd" in refused("--journal", newer)
    shutil.rmtree(library / "tracks")
    assert "the session played a-song-" in refused("--journal", path)
