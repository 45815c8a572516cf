"""The folder that is written, and the command that writes it."""

from __future__ import annotations

import json
import tomllib
import wave

import numpy as np
import pytest

import remixd.demo
from remixd.demo import Song, write_song
from remixd.demo.__main__ import main

SHORT = Song(sections=("outro",))


def read_wav(path):
    with wave.open(str(path), "rb") as file:
        assert file.getnchannels() == 2
        assert file.getsampwidth() == 3
        packed = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 3)
        rate_hz = file.getframerate()
    padded = np.zeros((len(packed), 4), dtype=np.uint8)
    padded[:, 1:] = packed
    return padded.view("<i4").reshape(-1, 2) / 2**31, rate_hz


def test_what_is_public():
    assert remixd.demo.__all__ == ["Song", "write_song"]


def test_the_folder_holds_the_stems_as_they_were_rendered(tmp_path):
    folder = write_song(tmp_path / "new" / "song", SHORT, rate_hz=24_000)
    assert sorted(path.name for path in folder.iterdir()) == [
        "analysis.json", "bass.wav", "drums.wav", "other.wav", "song.toml", "vocals.en.wav", "vocals.ko.wav",
    ]  # fmt: skip
    for stem in ("drums", "vocals.en"):
        sound, rate_hz = read_wav(folder / f"{stem}.wav")
        assert rate_hz == 24_000
        np.testing.assert_allclose(sound, SHORT.render(stem, 24_000), atol=2.0**-22)
    assert json.loads((folder / "analysis.json").read_text()) == SHORT.analysis()
    assert tomllib.loads((folder / "song.toml").read_text()) == {"title": "Your Way", "artist": "remixd"}


def test_an_interrupted_run_leaves_no_analysis(tmp_path, monkeypatch):
    """Not even that of the run before, which would speak of other stems."""
    (tmp_path / "analysis.json").write_text("{}")

    def interrupted(_song, stem, _rate_hz):
        if stem == "other":
            raise KeyboardInterrupt
        return np.zeros((10, 2), dtype=np.float32)

    monkeypatch.setattr(Song, "render", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_song(tmp_path, SHORT)
    assert (tmp_path / "bass.wav").exists()
    assert not (tmp_path / "analysis.json").exists()


def test_the_command_writes_the_song_it_was_asked_for(tmp_path, monkeypatch, capsys):
    asked = []

    def written(folder, song):
        asked.append((folder, song))
        return folder

    monkeypatch.setattr("remixd.demo.__main__.write_song", written)
    assert main([str(tmp_path), "--bpm", "124", "--semitones", "-2"]) == 0
    assert asked == [(tmp_path, Song(bpm=124.0, semitones=-2.0))]
    assert capsys.readouterr().out == f"{tmp_path}\n"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--bpm", "5"], "a tempo is 30 to 300 bpm, not 5"),
        (["--semitones", "40"], "a transposition is -12 to 12 semitones, not 40"),
        (["--bpm", "fast"], "invalid float value: 'fast'"),
        (["--key", "E"], "unrecognized arguments: --key E"),
    ],
)
def test_a_wrong_argument_is_one_line(tmp_path, capsys, more, words):
    try:
        code = main([str(tmp_path / "song"), *more])
    except SystemExit as left:
        code = left.code
    assert code == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "song").exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file" / "song")]) == 1
    error = capsys.readouterr().err
    assert "file" in error
    assert error.count("\n") == 1
