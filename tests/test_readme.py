"""What README promises works as it stands there: its Python, its command lines, its names."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import Daemon, run
from recordings import hits, sine, write_wav

from remixd import cli
from remixd.audience.vocabulary import EMOJI
from remixd.client import Client

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
PYTHON = [code for language, code in BLOCKS if language == "python"]
[LISTED] = [code.splitlines() for _, code in BLOCKS if code.startswith("remixd import")]
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE)
SPANS = re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", PROSE)

EXAMPLES = """
import SONGS --each --jobs 1
import SONGS/one --again --map drums=drums --grid GRID
import MIX --splitter none
import SONGS/one --warm
tracks
tracks one --key 8A --bpm 120..128 --energy 5..8
track show TRACK --png OUT.png
track edit TRACK --reset all
track edit TRACK --bpm 128 --first-downbeat .52 --metre 3/4 --key 8A --section 3.0=chorus
track edit TRACK --alternative 1
track rights TRACK
session create TRACK --sink null --preset lo-fi:.5,stadium:.3
session create TRACK --directed --arc 0:0.3,600:0.8 --no-exploring
session list
session show SESSION
signal SESSION vocals=-18 tempo=1.06 drums+2 like "more dreamy" 🔥 --fan mina --at beat --wait
signal DIRECTED like --fan mina
taste DIRECTED mina
why DIRECTED --fan mina
undo DIRECTED SIGNAL --fan mina
forget mina
crowd DIRECTED
plan DIRECTED drums=-12 --bars 16
deck SESSION
deck SESSION A level drums -6 --at beat --over .1 --wait
stats
trace SESSION --seconds 5 -o OUT.json
listen SESSION --seconds .5 -o OUT.wav
listen SESSION --seconds .5 -o OUT.ogg --format opus --bitrate 96
preset list
preset show lo-fi
preset set SESSION lo-fi:.5,stadium:.3 --over 1 --at beat --wait
preset save mine --from SESSION
preset delete mine
panic SESSION --wait
watch SESSION --seconds .2
watch SESSION --seconds .5 --timeline
listen APART --seconds .2 --stems -o OUT
render TRACK --preset lo-fi:.5 --mix tempo=1.1,pitch=2,vocals=-6 --start 1 --seconds .5 -o OUT.wav
journal list
journal show JOURNAL
render --journal JOURNAL --from 0 --seconds .2 -o OUT.wav
config example
config check SETTINGS
config show --config SETTINGS
token make --secret SECRET --scope listener --sub mina
devices
plugins scan
plugins list
doctor
doctor --realtime
systemd
session delete SESSION
track delete TRACK --yes
"""
"""One for each command and option of the list, in an order in which they work."""

ELSEWHERE = {
    "demo": "takes half a minute; that the song is written is tried in tests/demo/test_folder.py",
    "bench": "takes minutes, and tests/bench runs it",
    "fans": "makes keys of the user anew: tests/control/test_fan_keys.py has keys of its own",
    "beyond": "needs certificates and another machine: its settings are tried in tests/test_settings.py",
    "serve": "the daemon of these tests is one, and its options are tried there",
    "plugins show": "needs a plug-in: tests/control/test_plugins.py has one built",
    "make": "sets this very environment up, or tests all; that its targets exist is tried below",
}
"""What is not run here, and why."""


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    for name, pitch_hz, bpm in (("one", 440.0, 120.0), ("two", 330.0, 126.0)):
        (folder / name).mkdir()
        write_wav(folder / name / "drums.wav", hits(8, bpm))
        for octave, language in enumerate(("ko", "en"), start=1):
            write_wav(folder / name / f"vocals.{language}.wav", sine(8, octave * pitch_hz))
    return folder


@pytest.fixture(scope="module")
def daemon(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    home = tmp_path_factory.mktemp("home")
    done = run("import", songs / "one", songs / "two", "--library", home / "library")
    assert done.returncode == 0, done.stderr
    options = ("--cache-max", "1GB", "--journal-max", "1GB", "--engines", "1", "--sink", "stream")
    running = Daemon(home / "library", home / "errors", *options)
    yield running
    assert running.stop() == 0


@pytest.fixture
def place(daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run things in, beside the daemon."""
    monkeypatch.chdir(tmp_path)
    for name, value in (
        ("REMIXD_LISTEN", daemon.address), ("REMIXD_STATE", str(daemon.state)), ("PYTHONPATH", str(ROOT)),
        ("XDG_CONFIG_HOME", str(tmp_path / "config")), ("REMIXD_VST3_PATH", str(tmp_path)),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("REMIXD_LIBRARY", raising=False)
    return tmp_path


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_every_block_of_python_is_python_and_says_so() -> None:
    assert len(PYTHON) == 4
    assert [language for language, code in BLOCKS if language not in ("", "python", "toml", "js")] == []
    assert not [
        code for language, code in BLOCKS if language == "" and re.search(r"^\s*(with|from) ", code, re.M)
    ]


def test_the_ten_lines_make_sound(place: Path) -> None:
    code = PYTHON[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    told = python(code)
    assert "240000 frames" in told
    assert "0 gaps" in told
    with wave.open(str(place / "out.wav")) as out:
        assert out.getnframes() == 240_000
        assert np.frombuffer(out.readframes(240_000), dtype=np.uint8).any()


@pytest.mark.usefixtures("place")
def test_two_songs_are_in_beat(daemon: Daemon) -> None:
    python(PYTHON[1])
    with Client(daemon.address) as client:
        one, two, *_ = client.sessions()[-1].decks
    assert (one.state, two.state) == ("playing", "playing")
    assert two.synced
    assert one.bpm == pytest.approx(two.bpm, rel=1e-3)


@pytest.mark.usefixtures("place")
def test_an_app_is_answered_for_every_signal() -> None:
    told = python(PYTHON[2]).splitlines()
    assert told[:200] == [f"tap-{fan} True" for fan in range(200)]
    assert len(told) > 210


@pytest.mark.usefixtures("place")
def test_lights_flash_red_on_the_one() -> None:
    told = [line.split() for line in python(PYTHON[3]).splitlines()]
    assert len(told) > 12
    assert all((colour == "red") == place.endswith(":1") for colour, place in told)


def path_of(words: list[str]) -> str:
    """The command that words are for: `track edit`, say."""
    command = cli.commands.commands[words[0]]
    return " ".join(words[:2]) if hasattr(command, "commands") and len(words) > 1 else words[0]


def options_of(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])(--[a-z-]+|-o)\b", text))


def listed() -> list[tuple[str, set[str]]]:
    """Each command of the list, and the options that stand beside it."""
    found = []
    for line in LISTED:
        usage = re.split(r"\s{2,}", line.removeprefix("remixd "))[0]
        first, *rest = usage.split()
        group = hasattr(cli.commands.commands[first], "commands")
        for name in rest[0].split("|") if group else [""]:
            found.append((f"{first} {name}".strip(), options_of(usage)))
    return found


def test_every_command_of_the_list_and_every_option_has_an_example() -> None:
    tried: dict[str, set[str]] = {}
    for example in EXAMPLES.strip().splitlines():
        tried.setdefault(path_of(shlex.split(example)), set()).update(options_of(example))
    for path, options in listed():
        if path in ELSEWHERE or path.split()[0] in ELSEWHERE:
            continue
        assert path in tried, path
        known = {
            each for name, named in tried.items() if name.split()[0] == path.split()[0] for each in named
        }
        assert options <= known, (path, options - known)
    assert set(cli.commands.commands) == {path.split()[0] for path, _ in listed()}


def is_runnable(span: str) -> bool:
    """Whether a span of code is a command line, with something to put in its place."""
    words = span.removeprefix("remixd ").split()
    is_command = words[0] in cli.commands.commands or words[0] == "all"
    return is_command and bool(re.search(r"\b(SESSION|FAN|TRACK|ID|BPM)\b|^all ", span))


def runnable(span: str) -> str:
    """A span of code as a line to run: without what is optional, with the first of what is offered."""
    line = re.sub(r"\[[^\]]*\]", "", " ".join(span.split())).removeprefix("remixd ")
    line = " ".join(word.split("|")[0] for word in line.split())
    line = f"deck SESSION {line}" if line.startswith("all ") else line
    return line if line.startswith(HANDS_ON) and " lock " not in line else line.replace("SESSION", "DIRECTED")


HANDS_ON = ("deck ", "signal ", "preset ")


def test_every_name_of_a_command_an_option_or_a_target_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    made = re.findall(r"(?<!token )\bmake ([a-z][a-z-]*)", " ".join([*SPANS, *(code for _, code in BLOCKS)]))
    assert len(made) > 8
    assert set(made) <= targets
    benches = {path.stem.removeprefix("bench_") for path in (ROOT / "bench").glob("bench_*.py")}
    for span in SPANS:
        words = span.removeprefix("remixd ").split()
        if words[0] not in cli.commands.commands or is_runnable(span):
            continue
        if words[0] == "bench":
            assert words[1] in benches
            continue
        command = cli.commands.commands[words[0]]
        for word in words[1:]:
            if word.startswith("-"):
                assert word in {name for each in command.params for name in each.opts}, span
            elif hasattr(command, "commands"):
                command = command.commands[word]


def test_every_block_is_run_here_or_is_known_not_to_be() -> None:
    first_words = [code.split()[0] for language, code in BLOCKS if language not in ("python", "toml")]
    assert first_words[:2] == ["make", "fan"], "the set-up, and a picture"
    assert [code for _, code in BLOCKS if code.startswith("remixd import")]
    others = [code for language, code in BLOCKS if not language and code.split()[0] == "remixd"]
    assert [code.split()[1] for code in others] == ["import", "config"], ELSEWHERE["beyond"]


@pytest.mark.timeout(300)
def test_every_command_line_works(daemon: Daemon, songs: Path, place: Path, capfd) -> None:
    (place / "secret").write_bytes(b"x" * 64)
    (place / "secret").chmod(0o600)
    (place / "settings.toml").write_text("")
    write_wav(place / "mix.wav", hits(8, 122.0, seed=4))
    (place / "grid.csv").write_text("".join(f"{beat * 0.5}\n" for beat in range(16)))
    with Client(daemon.address) as client:
        track = next(each.id for each in client.tracks() if each.title == "one")
        client.edit_track(track, sections={3.0: "chorus"})
        session = client.create_session(track).id
        directed = client.create_session(track, directed=True).id
        given = {
            "SONGS": str(songs), "GRID": str(place / "grid.csv"), "TRACK": track,
            "OUT": str(place / "out"), "MIX": str(place / "mix.wav"), "FAN": "mina", "BPM": "120", "N": "1",
            "SESSION": session, "DIRECTED": directed, "SECRET": str(place / "secret"),
            "SETTINGS": str(place / "settings.toml"),
            "APART": client.create_session(stems=True).id,
            "JOURNAL": str(next((daemon.state / "journals").glob(f"*/{session}*"))),
        }  # fmt: skip
        inline = list(dict.fromkeys(runnable(span) for span in SPANS if is_runnable(span)))
        assert len(inline) > 15
        examples = EXAMPLES.strip().splitlines()
        at = examples.index("panic SESSION --wait")
        for example in examples[:at] + inline + examples[at:]:
            if re.search(r"mina|FAN|SIGNAL", example):  # somebody there is something to tell of
                given["SIGNAL"] = client.signal(directed, reaction="like", fan="mina").id
            if example in inline and "SESSION" in example:  # whatever the ones before did
                given["SESSION"] = client.create_session(track).id
                with client.console(given["SESSION"]) as decks:
                    decks.load("B", track)
            fan_or_track = track if example.startswith("track") else "mina"
            names = given | {"ID": fan_or_track}
            line = re.sub(r"\b[A-Z]+\b", lambda word, names=names: names.get(word[0], word[0]), example)
            code = cli.run(shlex.split(line))
            told = capfd.readouterr()
            assert code == 0, f"{line}: {told.err}"


def test_every_emoji_is_listed() -> None:
    assert [emoji for emoji in EMOJI if emoji not in README] == []
