"""Tracks drawn in the terminal and into pictures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packages import a_stem, a_track
from rich.cells import cell_len

from remixd.cli._drawing import columns_of, draw_track
from remixd.cli._picture import LANE, WIDTH, draw_picture
from remixd.cli._png import can_write, encode_png, text_width, write_text
from remixd.errors import BadAudio
from remixd.track.flac import write_flac
from remixd.track.overview import POINTS, Outline, OutlineMeter, outlines, read_overview, write_overview

BEAT_S = 0.5


def a_package(duration_s: float = 64.0, **changed: Any) -> dict[str, Any]:
    """120 BPM in fours from 1 s on, in two sections."""
    beats_s = [1.0 + BEAT_S * index for index in range(max(0, int((duration_s - 1.0) / BEAT_S)))]
    values = {
        "id": "a-song-0a1b2c3d", "title": "A Song", "duration_s": duration_s, "bpm": 120.0, "key": "A minor",
        "metre": "4/4", "beats_s": beats_s, "downbeats_s": beats_s[::4], "phrases_s": beats_s[::32],
        "sections": [
            {"start_s": 0.0, "end_s": duration_s / 2, "label": "verse"},
            {"start_s": duration_s / 2, "end_s": duration_s, "label": "chorus"},
        ],
        "stems": [{"name": "drums", "role": "drums"}, {"name": "bass", "role": "bass"}],
        "energy_curve": [], "singing": None,
    }  # fmt: skip
    return values | changed


def lines_of(package: dict[str, Any], columns: int, levels: Any = None) -> dict[str, str]:
    drawn = draw_track(package, levels or {}, columns)
    return {line[:10].strip(): line[11:] for line in drawn}


@given(columns=st.integers(20, 300), duration_s=st.floats(0.0, 9000.0), label=st.text(max_size=60))
def test_nothing_is_drawn_beyond_the_edge(columns: int, duration_s: float, label: str) -> None:
    label = "".join(c for c in label if c.isprintable())
    package = a_package(duration_s)
    if duration_s > 0.1:
        package["sections"][0]["label"] = label
    levels = {"달빛 기타 소리 아주 긴 이름": np.linspace(0.0, 2.0, columns)}
    for line in draw_track(package, levels, columns):
        assert cell_len(line) <= columns + 11


def test_bars_beats_and_sections_stand_where_they_sound() -> None:
    drawn = lines_of(a_package(8.0), 80)
    assert [at for at, sign in enumerate(drawn["beats"]) if sign == "|"] == [10, 30, 50, 70]
    assert [at for at, sign in enumerate(drawn["beats"]) if sign == "·"][:4] == [15, 20, 25, 35]
    assert (drawn["bars"].index("1"), drawn["bars"].index("4")) == (10, 70)
    assert (drawn["sections"].index("│verse"), drawn["sections"].index("│chorus")) == (0, 40)
    assert (drawn["time"].index("0:00"), drawn["time"].index("0:04")) == (0, 40)


def test_a_long_song_shows_fewer_bars_and_their_own_numbers() -> None:
    drawn = lines_of(a_package(600.0), 100)
    ticks = [at for at, sign in enumerate(drawn["beats"]) if sign == "|"]
    assert "·" not in drawn["beats"]
    assert min(np.diff(ticks)) >= 2
    first, second = drawn["bars"].split()[:2]
    assert first == "1"
    assert drawn["bars"].index(second) == pytest.approx((1.0 + 2.0 * (int(second) - 1)) / 6.0, abs=1.0)


def test_what_is_louder_is_taller() -> None:
    drawn = lines_of(a_package(), 60, {"drums": np.repeat([0.1, 0.0, 0.8], 20), "bass": np.full(60, 0.3)})
    heights = [" ▁▂▃▄▅▆▇█".index(sign) for sign in drawn["drums"]]
    assert heights[:20] == [1] * 20
    assert heights[20:40] == [0] * 20
    assert heights[40:] == [8] * 20
    assert set(drawn["bass"]) == {"█"}  # each stem is seen for itself


def test_what_has_no_beat_or_section_or_sound_is_left_out() -> None:
    silent = a_package(beats_s=[], downbeats_s=[], phrases_s=[], sections=[], singing=[])
    assert list(lines_of(silent, 60)) == ["time"]
    assert columns_of(10) == 20


@pytest.fixture
def track(tmp_path: Path) -> Any:
    """Bass that is loud in the second half, 1 s."""
    made = a_track(tmp_path, stems=[a_stem("bass", "bass", gain=2.0)], frames=48_000)
    (tmp_path / "stems").mkdir()
    pcm = np.full((48_000, 2), 0.125, np.float32)
    pcm[24_000:, 1] *= -12.0
    write_flac(tmp_path / "stems" / "bass.flac", [pcm[:1000], pcm[1000:]], 48_000, 2.0)
    return made


@pytest.mark.parametrize("columns", [1, 2, 7, 100, 1600, 9000])
def test_an_outline_is_the_level_of_each_moment(track: Any, columns: int) -> None:
    for _ in range(2):  # of the audio, then of the overview that this left
        found = outlines(track, columns)["bass"]
        assert found.peak.shape == found.rms.shape == (columns,)
        assert found.peak[-1] == pytest.approx(1.5, abs=1e-4)
        if columns > 1:
            assert found.peak[0] == pytest.approx(0.125, abs=1e-4)
            assert found.rms[0] == pytest.approx(0.125, abs=1e-4)
            assert found.rms[-1] == pytest.approx(np.sqrt((0.125**2 + 1.5**2) / 2), rel=1e-3)
            assert np.all(np.diff(found.peak) >= -1e-4)
        assert read_overview(track) is not None


def test_an_outline_of_very_little_has_all_its_columns(tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    write_flac(tmp_path / "stems" / "bass.flac", [np.full((5, 2), 0.5, np.float32)], 48_000)
    short = a_track(tmp_path, stems=[a_stem("bass", "bass")], frames=5)
    assert outlines(short, 50)["bass"].peak == pytest.approx(np.full(50, 0.5), abs=1e-4)
    (tmp_path / "stems" / "bass.flac").unlink()
    with pytest.raises(BadAudio, match=r"bass\.flac is missing"):
        outlines(short, 50)


def test_an_overview_is_made_anew_when_the_audio_is_another_or_it_is_damaged(
    track: Any, tmp_path: Path
) -> None:
    before = outlines(track, 1)["bass"].rms[0]
    path = tmp_path / "overview.bin"
    kept = path.read_bytes()
    quiet = [np.full((48_000, 2), 0.01, np.float32)]
    write_flac(tmp_path / "stems" / "bass.flac", quiet, 48_000, 2.0)
    assert read_overview(track) is None
    assert outlines(track, 1)["bass"].rms[0] == pytest.approx(0.01, rel=1e-3) != before
    whole = path.read_bytes()
    unknown = whole.replace(b"gain", b"loss")
    for damaged in (b"", whole[:30], whole[:-1], whole + b"x", kept, b"x" + whole, unknown):
        path.write_bytes(damaged)
        assert read_overview(track) is None
        assert outlines(track, 1)["bass"].rms[0] == pytest.approx(0.01, rel=1e-3)
        assert path.read_bytes() == whole
    assert {file.name for file in tmp_path.iterdir()} == {"stems", "overview.bin"}


def test_an_overview_is_small_however_long_the_song(track: Any, tmp_path: Path) -> None:
    outlines(track, 1)
    assert (tmp_path / "overview.bin").stat().st_size < 4 * POINTS[0] + 400
    hours = OutlineMeter(4 * 3600 * 8000, 8000)
    blocks = (np.full((8000 * 60, 2), minute / 240, np.float32) for minute in range(240))
    for _ in hours.tap(blocks):
        pass
    found = hours.finish()
    assert 0.9 * POINTS[1] < found.peak.shape[0] <= POINTS[1]
    assert found.at(240).rms == pytest.approx(np.arange(240) / 240, abs=0.01)


@given(cuts=st.lists(st.integers(1, 4000), max_size=30), seed=st.integers(0, 9))
def test_an_outline_is_the_same_however_the_blocks_are_cut(cuts: list[int], seed: int) -> None:
    pcm = np.random.default_rng(seed).normal(size=(20_000, 2)).astype(np.float32)
    whole, pieces = OutlineMeter(20_000, 8000), OutlineMeter(20_000, 8000)
    for _ in whole.tap([pcm]):
        pass
    given_back = np.concatenate(list(pieces.tap(np.split(pcm, np.cumsum(cuts)))))
    np.testing.assert_array_equal(given_back, pcm)
    one, two = whole.finish(), pieces.finish()
    np.testing.assert_array_equal(one.peak, two.peak)
    np.testing.assert_allclose(one.rms, two.rms, rtol=1e-9)


def test_a_library_that_is_read_only_is_drawn_all_the_same(
    track: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match="Read-only"):
        write_overview(track, {"bass": Outline(peak=np.ones(3), rms=np.ones(3))})
    assert outlines(track, 3)["bass"].peak[-1] == pytest.approx(1.5, abs=1e-4)
    assert read_overview(track) is None


@given(
    pixels=st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(0, 99)).map(
        lambda s: np.random.default_rng(s[2]).integers(0, 256, (s[0], s[1], 3), np.uint8)
    )
)
def test_a_png_holds_the_pixels_that_were_written(pixels: np.ndarray) -> None:
    with av.open(io.BytesIO(encode_png(pixels)), format="png_pipe") as read:
        [frame] = read.decode(video=0)
    np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), pixels)


def test_letters_differ_and_stay_in_their_boxes() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:.-/#()+',?_&!"
    seen = set()
    for letter in letters:
        pixels = np.zeros((14, 12, 3), np.uint8)
        write_text(pixels, 2, 2, letter, (1, 1, 1))
        assert pixels[2:12, 2:8].any()
        assert pixels.sum() == pixels[2:12, 2:8].sum()
        seen.add(pixels.tobytes())
    assert len(seen) == len(letters)
    assert can_write("A song, 12")
    assert not can_write("달빛")
    assert text_width("abc", 1) == 12
    write_text(np.zeros((6, 5, 3), np.uint8), 1, 3, "cut at the edge", (1, 1, 1))


def test_a_picture_shows_what_is_loud_and_where_sections_begin() -> None:
    peak = np.repeat([0.1, 1.2], WIDTH // 2)
    picture = draw_picture(a_package(), {"drums": Outline(peak=peak, rms=peak / 2),
                                         "bass": Outline(peak=peak * 0, rms=peak * 0)})  # fmt: skip
    drums, bass = picture[84 : 84 + LANE], picture[84 + LANE : 84 + 2 * LANE]
    filled = (drums == drums[LANE // 2, -20]).all(axis=2).sum(axis=0)
    assert filled[WIDTH - 1] > 8 * filled[WIDTH // 4] > 0
    assert (bass == bass[LANE - 1, 5]).all(axis=2).mean() > 0.9
    band = picture[48]
    assert (band[WIDTH // 4] != band[3 * WIDTH // 4]).any()
    assert (band[2 : WIDTH // 2] == band[2]).all()


@pytest.mark.parametrize("duration_s", [0.01, 7200.0])
def test_a_picture_of_any_length_can_be_drawn(duration_s: float) -> None:
    flat = Outline(peak=np.zeros(WIDTH), rms=np.zeros(WIDTH))
    picture = draw_picture(a_package(duration_s, title="달빛", key=None, bpm=None), {"bass": flat})
    assert picture.shape == (84 + LANE + 24, WIDTH, 3)


def test_energy_and_singing_stand_where_they_are() -> None:
    heard = {"energy_curve": [0.2] * 32 + [1.0] * 32, "singing": [{"start_s": 16.0, "end_s": 48.0}]}
    drawn = lines_of(a_package(**heard), 64)
    assert [" ▁▂▃▄▅▆▇█".index(sign) for sign in drawn["energy"]] == [2] * 32 + [8] * 32
    assert drawn["sung"] == " " * 16 + "━" * 32
    flat = {"bass": Outline(peak=np.zeros(WIDTH), rms=np.zeros(WIDTH))}
    calm, full = draw_picture(a_package(), flat)[52:84], draw_picture(a_package(**heard), flat)[52:84]
    changed = (calm != full).any(axis=2)
    assert changed[8:, : WIDTH // 2].mean() < 0.5 < changed[8:, WIDTH // 2 :].mean()
    assert changed[:6, WIDTH // 4 + 2 : 3 * WIDTH // 4 - 2].all()
    assert not changed[:6, : WIDTH // 4 - 2].any()


@given(
    columns=st.integers(20, 300),
    duration_s=st.floats(0.01, 9000.0),
    start=st.floats(0.0, 1.0),
    curve=st.lists(st.floats(0.0, 1.0), max_size=50),
)
def test_energy_and_singing_fit_any_width(
    columns: int, duration_s: float, start: float, curve: list[float]
) -> None:
    sung = [{"start_s": start * duration_s, "end_s": duration_s}]
    for line in draw_track(a_package(duration_s, energy_curve=curve, singing=sung), {}, columns):
        assert cell_len(line) <= columns + 11


def test_letters_that_cannot_be_drawn_are_left_out_and_the_title_is_in_the_metadata() -> None:
    flat = {"bass": Outline(peak=np.zeros(WIDTH), rms=np.zeros(WIDTH))}
    parts = [{"start_s": 0.0, "end_s": 64.0, "label": label} for label in ("후렴", "")]
    named, bare = (draw_picture(a_package(title="달빛", sections=[part]), flat) for part in parts)
    np.testing.assert_array_equal(named, bare)
    np.testing.assert_array_equal(
        named[:28], draw_picture(a_package(title="A-Song-0a1b2c3d", sections=parts[:1]), flat)[:28]
    )
    with av.open(io.BytesIO(encode_png(named, "달빛")), format="png_pipe") as read:
        [frame] = read.decode(video=0)
    np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), named)
    assert b"iTXtTitle\0\0\0\0\0" + "달빛".encode() in encode_png(named, "달빛")
