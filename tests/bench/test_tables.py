"""Tables and pictures of results: every system a row, the best stretcher stressed, references never."""

from __future__ import annotations

import pytest

from remixd.bench.results import Bench, Figure, Result
from remixd.bench.tables import tables_of, write_markdown
from remixd.cli import run
from remixd.errors import InvalidInput


def quality():
    values = {
        "another take": (1.0, -0.5),
        "remixd": (3.0, -2.0),
        "Peer": (2.0, 9.0),
        "unstretched": (9.0, 0.0),
    }
    figures = [
        Figure(
            name=name,
            unit="dB",
            samples=(value, value),
            case={"system": system, "stem": "bass", "change": "tempo"},
        )
        for system, pair in values.items()
        for name, value in zip(("LSD 2048", "attack"), pair, strict=True)
    ]
    return Bench(name="quality", question="?", state="done", figures=figures)


def kernel():
    case = {"setting": "tempo 1.1"}
    ours = case | {"system": "remixd, session"}
    peer = case | {"system": "Peer"}
    block = ours | {"sessions": 60, "block": 128}
    figures = [
        Figure(name="CPU of four stems", unit="ms", samples=(4.0, 5.0, 6.0), case=ours),
        Figure(name="CPU of four stems", unit="ms", samples=(40.0, 50.0, 60.0), case=peer),
        Figure(name="times the cost", unit="ratio", samples=(9.0, 10.0, 11.0),
               case=peer | {"over": "remixd, session"}),
        Figure(name="block over mean block", unit="ratio", samples=(0.5, 1.5), case=block, note="CPU"),
        Figure(name="block over its deadline", unit="share", samples=(0.01, 0.03), case=block),
    ]  # fmt: skip
    return Bench(name="kernel", question="?", state="done", figures=figures)


def result(*benches):
    return Result(
        started_at="2030-01-31T12:00:00Z", benches=list(benches),
        machine={"cpu": "a CPU", "cores": 8, "cores_usable": 2, "kernel": "6"},
    )  # fmt: skip


def test_the_stretcher_nearest_to_the_best_is_stressed_and_no_reference():
    [table] = tables_of(quality())
    assert table.columns == ("system", "LSD 2048", "attack")
    systems = [row[0] for row in table.rows]
    assert systems == ["another take", "remixd", "Peer", "unstretched"]
    assert {(systems[row], table.columns[column]) for row, column in table.best} == {
        ("Peer", "LSD 2048"),
        ("remixd", "attack"),
    }
    assert "| Peer | **2.00** | 9.00 |" in table.to_markdown()


def test_costs_come_with_ratios_and_blocks_with_their_worst():
    cost, even = tables_of(kernel())
    assert cost.rows == (
        ("remixd, session", "5 (4.5-5.5)", "200", ""),
        ("Peer", "50 (45-55)", "20", "10 (9.5-10.5)"),
    )
    assert even.rows[0][-2:] == ("1.5", "3 %")


def test_a_bench_without_systems_has_no_tables():
    plain = Figure(name="cost", unit="ms", samples=(1.0,), case={"block": 64})
    assert tables_of(Bench(name="load", question="?", figures=[plain])) == []


def test_tables_are_written_and_a_place_that_cannot_be_is_named(tmp_path):
    bench = quality()
    bench.skips.append({"part": "Gone", "reason": "apt install gone"})
    write_markdown(result(bench, kernel()), tmp_path / "t.md")
    text = (tmp_path / "t.md").read_text()
    assert text.startswith("a CPU, 2 cores, 2030-01-31")
    assert text.count("### ") == 3
    assert "Left out: Gone (apt install gone)" in text
    with pytest.raises(InvalidInput, match=r"nowhere/t\.md"):
        write_markdown(result(), tmp_path / "nowhere" / "t.md")


def test_the_command_shows_tables_and_draws_pictures(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    result(quality(), kernel()).save(tmp_path / "r.json")
    words = ["bench", "--show", "--json", str(tmp_path / "r.json"), "--plots", str(tmp_path / "drawn")]
    assert run([*words, "--tables", str(tmp_path / "t.md")]) == 0
    told = capsys.readouterr()
    assert "bass, tempo. Mean of 2 tempi; LSD 2048, attack in dB." in told.out
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert drawn == ["kernel-cost.png", "quality-tempo.png"]
    for path in (tmp_path / "drawn").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "t.md").exists()
