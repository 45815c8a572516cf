"""Presets offline, from the command line, with their effects and the real kernel."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from processes import run

from remixd.track.library import Library

LOUD = """\
title = "Soft"
description = "Half as loud, at the end of its effects."
[mix]
bass = -60.0
[[rack]]
on = "master"
effect = "gain"
gain_db = -12.0
"""


def rms_db(path: Path) -> float:
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 2, 3)
    sound = np.ascontiguousarray(np.pad(raw, ((0, 0), (0, 0), (1, 0)))).view("<i4")[..., 0] / 2.0**31
    return float(10.0 * np.log10(np.mean(np.square(sound[4800:]))))


@pytest.fixture
def render(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REMIXD_PRESETS", str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "soft.toml").write_text(LOUD)
    with Library(library) as opened:
        [track] = [row.id for row in opened.tracks()]

    def rendered(*words: str) -> tuple[float, dict]:
        out = tmp_path / "out.wav"
        asked = ("render", track, *words, "--seconds", "1", "-o", out, "--library", library, "--json")
        done = run(*asked)
        assert done.returncode == 0, done.stderr
        return rms_db(out), json.loads(done.stdout)

    return rendered


def test_a_blend_is_rendered_with_its_effects(render) -> None:
    plain_db, _ = render("--mix", "bass=-60")
    soft_db, _ = render("--preset", "soft")
    assert soft_db - plain_db == pytest.approx(-12.0, abs=0.05)
    half_db, _ = render("--preset", "soft:.5", "--mix", "bass=-60")
    assert half_db - plain_db == pytest.approx(20 * np.log10(0.5 + 0.5 * 10 ** (-12 / 20)), abs=0.05)


def test_what_presets_are_not_for_or_files_have_wrong_is_one_line(library: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "bad.toml").write_text(LOUD.replace("-12.0", "-99.0"))
    (own / "beat.toml").write_text(LOUD + '[not_for]\nwithout = ["drums"]\n')
    with Library(library) as opened:
        [track] = [row.id for row in opened.tracks()]
    for preset, told in (
        ("bad", "bad.toml, line 8: rack[0]: gain_db is -99: not within -24 to 24 dB"),
        ("beat", "beat is not for a track without drums"),
        ("stadion", "did you mean stadium?"),
    ):
        asked = ("render", track, "--preset", preset, "-o", tmp_path / "x.wav", "--library", library)
        done = run(*asked, REMIXD_PRESETS=str(own))
        assert done.returncode == 1
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1
