"""Boundaries and keys, as the bench of form scores them."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from remixd.bench.section_scores import arranged, read_lmms_parts, score_boundaries, score_key


def test_a_boundary_counts_once_and_the_start_of_a_song_not_at_all() -> None:
    score = score_boundaries([0.0, 9.7, 10.2, 30.0], [0.0, 10.0, 20.0])
    assert (score.precision, score.recall, score.found) == (pytest.approx(1 / 3), 0.5, 3)
    perfect = score_boundaries([10.4, 20.0], [10.0, 20.4])
    assert (perfect.precision, perfect.recall) == (1.0, 1.0)
    assert score_boundaries([], [10.0]).recall == 0.0


@pytest.mark.parametrize(
    ("found", "score"),
    [
        ("C minor", 1.0), ("G minor", 0.5), ("F minor", 0.5), ("Eb major", 0.3), ("D# major", 0.3),
        ("C major", 0.2), ("A major", 0.0), (None, 0.0), ("D minor", 0.0),
    ],
)  # fmt: skip
def test_a_key_has_the_weighted_score_of_mirex(found: str | None, score: float) -> None:
    assert score_key(found, "C minor") == score
    assert score_key("A minor", "C major") == 0.3


def test_a_part_that_comes_in_or_rests_for_bars_is_a_boundary_and_a_break_of_a_bar_is_none() -> None:
    parts = ["....####", "########", "###.####", "##....##"]
    assert arranged(np.array(list(part)) == "#" for part in parts) == [2, 4, 6]


@pytest.mark.parametrize("suffix", [".mmp", ".mmpz"])
def test_the_bars_of_a_project_are_read(tmp_path: Path, suffix: str) -> None:
    document = b"""<lmms-project><song><trackcontainer>
      <track><pattern pos="384" len="192" type="1"><note/></pattern></track>
      <track><bbtco pos="0" len="384"/><bbtco pos="576" len="192" muted="1"/></track>
      <track><pattern pos="0" len="192" type="1"/></track>
    </trackcontainer></song></lmms-project>"""
    path = tmp_path / f"song{suffix}"
    path.write_bytes(b"\0\0\0\1" + zlib.compress(document) if suffix == ".mmpz" else document)
    assert [plays.tolist() for plays in read_lmms_parts(path, 4)] == [
        [False, False, True, False], [True, True, False, False],
    ]  # fmt: skip
