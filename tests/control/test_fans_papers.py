"""What fans wish is written down in pieces: they make one text, and the state of one moment."""

from __future__ import annotations

import json
import zlib
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.audience.audience import Audience
from remixd.audience.signal import Signal
from remixd.control import adoption, fans_papers
from remixd.control.adoption import Papers
from remixd.director.arbiter import Arbiter
from remixd.mix import NEUTRAL


def crowd(signals, fans=7):
    audience = Audience(NEUTRAL, seed=zlib.crc32(b"s"), explores=False)
    audience.hear(0.0, NEUTRAL)
    for number in range(signals):
        wishes = {"vocals": -float(number % 6)}
        signal = Signal(id=f"{number:x}", fan=f"fan-{number % fans}", wishes=wishes, verified=True)
        audience.take(signal, wishes, 1.0 + number / 50)
    return audience


def desk_of(audience):
    return SimpleNamespace(
        audience=audience, arbiter=Arbiter(), directing=None, clock=SimpleNamespace(at_s=30.0)
    )


@settings(max_examples=15, deadline=None)
@given(signals=st.integers(0, 60), size=st.integers(1, 20))
def test_pieces_of_any_size_are_one_text_of_the_whole(signals, size):
    audience = crowd(signals)
    before = fans_papers.ROWS, fans_papers.BYTES
    fans_papers.ROWS, fans_papers.BYTES = size, 3 * size
    try:
        told = json.loads("".join(fans_papers.pieces(desk_of(audience), 4)))
    finally:
        fans_papers.ROWS, fans_papers.BYTES = before
    assert told["version"] == 4
    assert told["audience"] == json.loads(json.dumps(audience.to_json(30.0)))


def test_what_comes_while_pieces_are_taken_is_not_in_them():
    audience = crowd(3000)
    whole = json.loads("".join(fans_papers.pieces(desk_of(audience), 4)))
    pieces = fans_papers.pieces(desk_of(audience), 4)
    first = next(pieces)
    wishes = {"drums": -3.0}
    audience.take(Signal(id="new", fan="somebody new", wishes=wishes), wishes, 31.0)
    audience.forget("fan-3")
    assert json.loads(first + "".join(pieces)) == whole


def session_of(folder, audience):
    session = SimpleNamespace(
        id="s-1", key=1, engine=SimpleNamespace(directory=folder), players={}, racks={}, score={}, version=1
    )
    session.desk = desk_of(audience)
    return session


def test_a_crowd_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(adoption, "_facts", lambda _session: {})
    session, papers = session_of(tmp_path, crowd(3000)), Papers()
    papers.write(session)
    path = tmp_path / "fans-1.json"
    steps = 0
    for _ in papers.write_fans(session):
        steps += 1
        assert not path.exists()
    assert steps > 3
    written = json.loads(path.read_text())
    assert len(written["audience"]["ids"]) == 3000
    assert list(papers.write_fans(session)) == [], "nothing has changed since"


def test_a_session_that_ends_while_it_is_written_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(adoption, "_facts", lambda _session: {})
    session, papers = session_of(tmp_path, crowd(3000)), Papers()
    papers.write(session)
    writing = papers.write_fans(session)
    next(writing)
    papers.forget(session)
    assert list(writing) == []
    assert list(tmp_path.iterdir()) == []
