"""One demo song goes over into another, at another tempo and in another key, under the real daemon."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from processes import Daemon, run
from sounds import level_db

from remixd.client import Client, Deck
from remixd.demo import Song, write_song
from remixd.units import RATE_HZ

FORM = ("intro", "chorus", "outro")
BPM = (126.0, 120.0)
SUNG = ("vocals.ko", "vocals.en")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder, library = tmp_path_factory.mktemp("songs"), tmp_path_factory.mktemp("library")
    for name, bpm, semitones in (("one", BPM[0], 0.0), ("two", BPM[1], 2.0)):
        write_song(folder / name, Song(bpm=bpm, semitones=semitones, sections=FORM))
        (folder / name / "song.toml").write_text(f'title = "{name}"\n')
        done = run("import", folder / name, "--warm", "--library", library)
        assert done.returncode == 0, done.stderr
    running = Daemon(library, tmp_path_factory.mktemp("log") / "errors")
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with daemon.client() as opened:
        yield opened
        for session in opened.sessions():
            opened.delete_session(session.id)


@pytest.fixture
def session(client: Client) -> str:
    """The first song plays; the second rests."""
    tracks = {row.title: row.id for row in client.tracks()}
    made = client.create_session().id
    with client.console(made) as console:
        assert console.load("A", tracks["one"]).accepted
        assert console.load("B", tracks["two"]).accepted
        assert console.play("A", wait=True).accepted
    return made


def deck(client: Client, session: str, name: str) -> Deck:
    return next(each for each in client.session(session).decks if each.name == name)


def until(what: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_song_goes_over_into_another_in_beat(client: Client, session: str) -> None:
    bar = 4 * 60 / BPM[0]
    with client.console(session) as console:
        answer = console.mix("A", "B", how="bass-swap", bars=2, at="bar", wait=True)
    assert answer.accepted, answer.reason
    assert answer.applied.because == "bass-swap, 2 bars"
    assert answer.applied.settled_sample - answer.applied.sample == pytest.approx(2 * bar * RATE_HZ, rel=0.01)
    a, b, *_ = client.session(session).decks  # both of one packet
    assert (b.state, b.synced) == ("playing", True)
    assert b.tempo == pytest.approx(BPM[0] / BPM[1], abs=0.002)
    off = (a.position_s * BPM[0] - b.position_s * BPM[1]) / 60.0
    assert abs(off - round(off)) < 0.02, "beats of the newest packet"
    heard = client.listen(session, 2 * bar + 1.0)
    assert heard.gaps == 0
    levels = [level_db(heard.pcm[at : at + RATE_HZ]) for at in range(0, len(heard.pcm) - RATE_HZ, RATE_HZ)]
    assert min(levels) > -40
    assert np.isfinite(heard.pcm).all()
    a, b = deck(client, session, "A"), deck(client, session, "B")
    assert (a.state, b.state, b.leading, b.synced) == ("resting", "playing", True, False)
    assert a.channel["fader"] == b.channel["fader"] == b.channel["low"] == 0.0
    assert "transition" not in client.session(session).because


def test_from_the_command_line_it_is_mixed_and_sent_to_its_chorus(
    daemon: Daemon, client: Client, session: str
) -> None:
    words = ("deck", session, "A", "mix", "B", "--how", "cut", "--at", "bar", "--wait", "--json")
    done = run(*words, "--daemon", daemon.address)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["applied"]["because"] == "cut"
    until(lambda: deck(client, session, "A").state == "resting")
    done = run("deck", session, "B", "section", "chorus", "--wait", "--json", "--daemon", daemon.address)
    assert done.returncode == 0, done.stderr
    chorus = next(s for s in client.track(deck(client, session, "B").track).sections if s.label == "chorus")
    assert deck(client, session, "B").position_s == pytest.approx(chorus.start_s, abs=1.0)
    assert deck(client, session, "B").position_s >= chorus.start_s


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("A", "mix", "C"), "nothing is loaded on deck C"),
        (
            ("A", "mix", "B", "--how", "stem-swap"),
            "a stem swap cannot be: the rights of one allow no mash-ups",
        ),
        (("A", "section", "choruss"), "no section is called 'choruss': did you mean chorus?"),
        (("A", "play", "--bars", "4"), "--bars: for mix, not for play"),
        (("A", "mix"), "mix: say the other deck"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    daemon: Daemon, session: str, words: tuple[str, ...], error: str
) -> None:
    done = run("deck", session, *words, "--daemon", daemon.address)
    assert done.returncode == 1
    assert done.stderr.strip() == f"remixd: {error}"


def test_the_language_changes_at_the_phrase_and_the_rest_goes_on(daemon: Daemon, client: Client) -> None:
    track = next(row for row in client.tracks() if row.title == "two")
    made = client.create_session(track.id).id
    client.signal(made, {"drums": -60.0, "bass": -60.0, "other": -9.0}, wait=True)
    done = run("signal", made, "language=ko", "--wait", "--json", "--daemon", daemon.address)
    assert done.returncode == 0, done.stderr
    applied = json.loads(done.stdout)["applied"]
    phrase_s = 16 * 60 / BPM[1]
    place = next(move["value"] for move in applied["moves"]) if applied["moves"] else None
    assert place is not None
    assert applied["sample"] / RATE_HZ % phrase_s == pytest.approx(0.0, abs=0.002)
    again = run("signal", made, "language=ko", "--daemon", daemon.address)
    assert (again.returncode, again.stderr.strip()) == (1, "remixd: deck A plays that already")
    vocals = {name: Song(bpm=BPM[1], semitones=2.0, sections=FORM).render(name) for name in SUNG}
    until(lambda: client.session(made).position_s > 20.0, 40.0)
    heard = client.listen(made, 4.0)
    first = round(heard.first_sample) % len(vocals[SUNG[0]])
    pieces = {name: pcm[first : first + len(heard.pcm)] for name, pcm in vocals.items()}
    likeness = {name: float(np.vdot(pcm, heard.pcm[: len(pcm)])) for name, pcm in pieces.items()}
    assert likeness["vocals.ko"] > 4 * abs(likeness["vocals.en"])
