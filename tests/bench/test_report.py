"""The page of results: nothing from elsewhere, nothing interpreted, a picture of every figure."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remixd.bench.distances import NONE_SET, distances, floor_of
from remixd.bench.report import write_report
from remixd.bench.results import Bench, Figure, Limit, Result
from remixd.cli import run
from remixd.errors import InvalidInput

HOSTILE = "</script><script>alert('x')</script> <img src=x onerror=y> $x_{1}$ \u202e\x00 한국어"
SOURCES = ("src", "href", "xlink:href")
NOISE = Figure(name="sleep of 1 ms: late by", unit="us", samples=(50.0, 70.0))


class Page(HTMLParser):
    """What is in a page: tags, and attributes that name something elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.elsewhere: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in SOURCES and not (value or "").startswith("#")):
                self.elsewhere.append(f"{name}={value}")

    def handle_data(self, data):
        self.text += data


def figure(*values, name="signal call", unit="ms", **words):
    return Figure(name=name, unit=unit, samples=values, **words)


def a_result(*figures, bench="load", **words):
    found = Bench(name=bench, question="How long?", state="done", figures=list(figures))
    return Result(
        started_at="2030-01-31T12:00:00Z", ended_at="2030-01-31T12:01:00Z", benches=[found], noise=[NOISE],
        machine={"cpu": "a CPU", "cores": 2}, **{"complete": True, **words},
    )  # fmt: skip


def write(tmp_path, *results):
    pytest.importorskip("matplotlib")
    written = write_report(list(zip(("one", "two"), results, strict=False)), tmp_path / "report.html")
    return written, (tmp_path / "report.html").read_text("utf-8")


def test_a_page_needs_nothing_else_and_has_a_picture_of_every_figure(tmp_path):
    limits = (Limit(statistic="median", at_most=4.0), Limit(statistic="p99", at_most=2.0))
    result = a_result(
        figure(*(1.0 + at / 100 for at in range(300)), limits=limits, case={"block": 64}),
        figure(0.5, 2.0, name="CPU under load", unit="share"),
    )
    written, text = write(tmp_path, result)
    page = Page(text)
    assert page.elsewhere == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == len(written.pictures) == 2
    assert {path.name for path in written.pictures} == {
        "report-load-signal-call.png", "report-load-cpu-under-load.png",
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written.pictures)
    assert "prefers-color-scheme: dark" in text
    assert "currentColor" in text
    assert "1 kept, 1 broken" in page.text
    assert "median 62% of the 4 ms allowed" in page.text
    assert "fixed work uneven" in page.text
    assert re.sub(r"http://www\.w3\.org/\S+", "", text).count("http") == 0


def test_several_runs_stand_side_by_side_and_unfinished_ones_are_marked(tmp_path):
    cut = a_result(figure(3.0, case={"block": 64}), complete=False, interrupted=True)
    cut.benches[0].state = "running"
    cut.benches[0].skips.append({"part": "the device", "reason": "there is no jackd"})
    written, text = write(tmp_path, a_result(figure(2.0, case={"block": 64})), cut)
    assert len(written.pictures) == 1
    told = Page(text).text
    assert "64 (one)" in told
    assert "64 (two)" in told
    assert "This run was interrupted" in told
    assert "load running: it was still running when this was written" in told
    assert "without the device: there is no jackd" in told


def test_texts_are_text_wherever_they_stand(tmp_path):
    result = a_result(
        figure(1.0, 2.0, name=HOSTILE, unit=HOSTILE, case={HOSTILE: HOSTILE}, note=HOSTILE), bench=HOSTILE
    )
    result.benches[0].reason = result.benches[0].question = HOSTILE
    result.machine = {"cpu": HOSTILE, HOSTILE: HOSTILE}
    result.benches[0].skips.append({"part": HOSTILE, "reason": HOSTILE})
    written, text = write(tmp_path, result)
    page = Page(text)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert page.elsewhere == []
    assert {path.parent for path in written.pictures} == {tmp_path}
    assert all(re.fullmatch(r"report-[a-z0-9-]+\.png", path.name) for path in written.pictures)
    assert "\x00" not in text


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40),
    unit=st.sampled_from(["ms", "share", "", "count"]),
    most=st.floats(-10, 1e9),
)
def test_whatever_was_measured_can_be_drawn(values, unit, most, tmp_path):
    limits = (Limit(statistic="max", at_most=most),)
    written, _ = write(tmp_path, a_result(figure(*values, unit=unit, limits=limits)))
    assert len(written.pictures) == 1


def test_without_matplotlib_the_page_has_numbers_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    a_result(figure(1.0, 2.0)).save(tmp_path / "r.json")
    assert run(["bench", "report", str(tmp_path / "r.json"), "-o", str(tmp_path / "r.html")]) == 0
    told = capsys.readouterr().err
    assert "No plots: matplotlib is not installed: pip install 'remixd[bench]'" in told
    page = Page((tmp_path / "r.html").read_text())
    assert "matplotlib is not installed" in page.text
    assert "svg" not in page.tags
    assert "1.5 ms" in page.text
    assert list(tmp_path.glob("*.png")) == []


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot write"):
        write_report([("one", a_result(figure(1.0)))], tmp_path / "file" / "report.html")


def test_a_figure_is_so_far_from_its_floor_and_from_the_best_other():
    case = {"stem": "bass"}
    figures = [
        figure(value, name="LSD 2048", unit="dB", case={"system": system, **case})
        for system, value in (("another take", 2.0), ("remixd", 3.0), ("Peer", 6.0), ("Worse", 8.0))
    ]
    result = a_result(*figures, bench="quality")
    [bench] = result.benches
    assert floor_of(bench, figures[0]) is None
    assert floor_of(bench, figures[1]) is figures[0]
    told = [each.told for each in distances(bench, figures[1], result)]
    assert told == ["1.5 times the floor (another take)", "0.5 times the best other (Peer)"]


def test_what_waits_is_held_against_sleeps_and_the_rest_says_that_nothing_is_set():
    result = a_result(figure(3.0), figure(3.0, unit="", name="x"))
    told = [
        [each.told for each in distances(result.benches[0], each, result)]
        for each in result.benches[0].figures
    ]
    assert told == [["50 times what a sleep is late by (0.06 ms)"], [NONE_SET]]
