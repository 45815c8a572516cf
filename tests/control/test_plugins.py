"""Looking for plug-ins: whatever a file does to who looks at it, the others are found all the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from vst3s import failing, zam

from remixd import cli
from remixd.control import checkup, plugins
from remixd.errors import NotFound


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder that is looked in."""
    monkeypatch.setattr(plugins, "FOLDERS", ())
    monkeypatch.setenv("REMIXD_VST3_PATH", str(tmp_path / "vst3"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "vst3").mkdir()
    return tmp_path / "vst3"


def test_files_that_crash_hang_or_are_nothing_are_told_and_not_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "SCAN_S", 3.0)
    failing(folder, "crash", "raise(SIGSEGV)")
    failing(folder, "hang", "for (;;) sleep(1)")
    (folder / "words.vst3").write_text("no plug-in")
    faults = {plugin.name: plugin.fault for plugin in plugins.scan()}
    assert faults["crash"] == "it crashed (SIGSEGV)"
    assert faults["hang"] == "it did not say what it is within 3 s"
    assert "words.vst3" in faults["words"]
    looked: list[str] = []
    assert {
        plugin.name: plugin.fault for plugin in plugins.scan(on_look=lambda *it: looked.append(it[2]))
    } == faults
    assert looked == []
    words = folder / "words.vst3"
    os.utime(words, (1, 1))
    plugins.scan(on_look=lambda *it: looked.append(it[2]))
    assert looked == ["words.vst3"], "it has changed"
    plugins.scan(again=True, files=[words], on_look=lambda *it: looked.append(it[2]))
    assert looked == ["words.vst3"] * 2, "asked for again"
    assert len(plugins.known_plugins()) == 3


def test_a_plug_in_tells_what_it_is_and_what_can_be_set(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "deeper").mkdir()
    (folder / "deeper" / "ZamTube.vst3").symlink_to(zam("ZamTube"))
    (folder / "ZaMaximX2.vst3").symlink_to(zam("ZaMaximX2"))
    assert cli.run(["plugins", "scan", "--json"]) == 0
    scanned = json.loads(capsys.readouterr().out)
    assert cli.run(["plugins", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == scanned
    maxim, tube = plugins.known_plugins()
    assert (maxim.name, maxim.channels, maxim.latency_frames, maxim.latency_ms) == ("ZaMaximX2", 2, 480, 10.0)
    assert (tube.name, tube.channels, tube.latency_frames) == ("ZamTube", 1, 0)
    assert tube.vendor == "Damien Zammit"
    assert 0 < tube.cost_ns < 1_333_333
    drive = next(each for each in tube.parameters if each.name == "tube_drive")
    assert (drive.kind, drive.least, drive.most) == ("number", 0.1, 11.0)
    assert drive.default == pytest.approx(0.1)
    stack = next(each for each in tube.parameters if each.name == "tone_stack_model")
    assert stack.kind == "choice"
    assert stack.default in stack.choices
    assert next(each for each in maxim.parameters if each.name == "release_ms").unit == "ms"
    assert cli.run(["plugins", "show", "zamtube"]) == 0
    shown = capsys.readouterr().out
    assert "tube_drive" in shown
    assert "0.1 to 11" in shown
    assert "Mesa Boogie Mark" in shown
    told = {finding.name: finding.told for finding in checkup.examine(folder, 10**9)}
    assert told["plug-ins"] == "2 can be used in racks"


def test_a_name_that_no_plug_in_has_is_refused() -> None:
    there = [plugins.Plugin(path="/somewhere/ZamTube.vst3", name="ZamTube")]
    assert plugins.find_plugin("zamTUBE", there) is plugins.find_plugin("/somewhere/ZamTube.vst3", there)
    with pytest.raises(NotFound, match="did you mean ZamTube"):
        plugins.find_plugin("ZamTub", there)
    with pytest.raises(NotFound, match="there are none"):
        plugins.find_plugin("ZamTube", [])


@pytest.mark.parametrize(
    "kept",
    ["", "null", "[]", '{"version": 99, "plugins": {}}', '{"version": 1, "plugins": {"/x": {"stamp": 1}}}',
     '{"version": 1, "plugins": {"/x": {"stamp": 1, "plugins": [{"nonsense": 2}]}}}'],
)  # fmt: skip
def test_what_is_remembered_and_no_longer_understood_is_looked_for_anew(tmp_path: Path, kept: str) -> None:
    cache = tmp_path / "cache" / "remixd"
    cache.mkdir(parents=True)
    (cache / "plugins.json").write_text(kept)
    assert plugins.known_plugins() == []
    assert plugins.scan() == []


def test_the_commands_say_so_where_there_is_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plugins", "list"]) == 0
    assert "remixd plugins scan" in capsys.readouterr().out
    assert cli.run(["plugins", "scan"]) == 0
    assert str(folder) in capsys.readouterr().out
    assert cli.run(["plugins", "show", "ZamTube"]) == 1
    assert "there is no plug-in 'ZamTube'" in capsys.readouterr().err


def test_what_this_machine_lacks_is_left_out_of_a_rack_and_told() -> None:
    there = [
        plugins.Plugin(path="/a/ZamTube.vst3", name="ZamTube"),
        plugins.Plugin(path="/a/ZamVerb.vst3", name="ZamVerb", fault="it crashed (SIGSEGV)"),
        plugins.Plugin(path="/a/Organ.vst3", name="Organ", is_instrument=True),
    ]
    reverb = {"effect": "reverb", "room_size": 0.5}
    chain = [
        {"effect": "vst3", "name": "zamtube", "parameters": {"bass": 2.0}},
        reverb,
        {"effect": "vst3", "path": "/a/ZamTube.vst3"},
        {"effect": "vst3", "name": "ZamVerb"},
        {"effect": "vst3", "name": "Organ"},
        {"effect": "vst3", "path": "/b/ZamTube.vst3", "name": "ZamTube"},
        {"effect": "vst3"},
    ]
    located, notes = plugins.locate(chain, there)
    tube = {"effect": "vst3", "path": "/a/ZamTube.vst3", "name": "ZamTube"}
    assert located == [tube | {"parameters": {"bass": 2.0}}, reverb, tube]
    assert [note.partition(" is left out: ")[0] for note in notes] == [
        "the plug-in ZamVerb", "the plug-in Organ", "the plug-in ZamTube", "the plug-in without a name",
    ]  # fmt: skip
    assert "SIGSEGV" in notes[0]
    assert "not on this machine" in notes[2]
