"""What README promises on its first screen works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from processes import Daemon, run
from recordings import hits, sine, write_wav

from remixd.audience.vocabulary import EMOJI

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_ten_lines_make_sound(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found is not None
    code = found.group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    song = tmp_path / "song"
    song.mkdir()
    write_wav(song / "drums.wav", hits(8, 120))
    write_wav(song / "vocals.wav", sine(8, 440))
    assert run("import", song, "--library", tmp_path / "library").returncode == 0
    daemon = Daemon(tmp_path / "library", tmp_path / "errors")
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path, env={"REMIXD_LISTEN": daemon.address, "PATH": "", "PYTHONPATH": str(README.parent)},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "240000 frames" in done.stdout
        assert "0 gaps" in done.stdout
        with wave.open(str(tmp_path / "out.wav")) as out:
            assert out.getnframes() == 240_000
            assert np.frombuffer(out.readframes(240_000), dtype=np.uint8).any()
    finally:
        assert daemon.stop() == 0


def test_every_command_of_the_list_exists() -> None:
    listed = set(re.findall(r"^remixd (\w+)", README.read_text("utf-8"), re.MULTILINE))
    helped = run("--help").stdout
    assert {"import", "serve", "session", "signal", "listen", "watch", "render"} <= listed
    for command in listed:
        assert re.search(rf"^  {command}\b", helped, re.MULTILINE), command


def test_every_emoji_is_listed() -> None:
    text = README.read_text("utf-8")
    assert [emoji for emoji in EMOJI if emoji not in text] == []
