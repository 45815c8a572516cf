"""Players of an engine: equal stems are opened once, and closed when nobody plays them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sounds import music

from remixd._kernel import mailbox
from remixd._kernel.player import Player
from remixd._kernel.session import Session
from remixd.analysis.phase_tree import write_cached
from remixd.engine.players import Players

FRAMES = 24_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cache")
    for seed, name in enumerate(("bass", "other")):
        write_cached(made / f"{name}.pcm", music(FRAMES, seed=seed), name)
    return made


def score(folder: Path, *names: str) -> dict[str, Any]:
    return {
        "stems": [{"path": str(folder / f"{name}.pcm"), "role": 3} for name in names],
        "loop": False, "summed": False, "low": [0.5, -12, -60, -60, -60, -60], "high": [2, 12, 6, 6, 6, 6],
        "vocals_limit_db": None, "mashable": False, "beats": [], "levels": [], "heard": False,
    }  # fmt: skip


def shelved(players: Players, session: Session, key: int, *what: Any) -> Player:
    player = Player(**players.read(score(*what)), key=key)
    session.shelve(player)
    players.add(session, [key])
    return player


def test_two_players_of_one_file_share_its_stem_until_both_are_gone(folder: Path) -> None:
    players, session = Players(), Session()
    first = shelved(players, session, 1, folder, "bass", "other")
    second = shelved(players, session, 2, folder, "bass")
    assert first.stems[0] is second.stems[0]
    for key in (1, 2):
        session.post(key, 0, 0.0, kind=mailbox.LOAD, deck=0, extra=key)
        session.render(4800)
    players.collect(session)
    assert players.keys(0) == [2]
    assert players.read(score(folder, "bass"))["stems"][0] is second.stems[0]
    again = players.read(score(folder, "other"))["stems"][0]
    assert again is not first.stems[1], "nobody played it any more"
    players.forget(0)
    assert players.read(score(folder, "bass"))["stems"][0] is not second.stems[0]


def test_what_was_laid_down_and_never_loaded_is_freed_and_nothing_else(folder: Path) -> None:
    players, session = Players(), Session()
    for key in range(1, 17):  # as many as there is room for
        shelved(players, session, key, folder, "bass")
    session.post(1, 0, 0.0, kind=mailbox.LOAD, deck=0, extra=3)
    session.render(480)
    players.withdraw(session, range(1, 20))
    assert players.keys(0) == [3]
    assert session.decks()[0].player == 3
    shelved(players, session, 1, folder, "other")


def test_a_file_that_took_the_place_of_another_is_another(folder: Path, tmp_path: Path) -> None:
    players, session = Players(), Session()
    (tmp_path / "bass.pcm").write_bytes((folder / "bass.pcm").read_bytes())
    first = shelved(players, session, 1, tmp_path, "bass")
    (tmp_path / "new").write_bytes((folder / "other.pcm").read_bytes())
    (tmp_path / "new").rename(tmp_path / "bass.pcm")
    second = shelved(players, session, 2, tmp_path, "bass")
    assert second.stems[0] is not first.stems[0]
    assert (second.stems[0].read(100, 50) != first.stems[0].read(100, 50)).any()


def test_what_was_opened_for_nothing_is_closed(folder: Path) -> None:
    players = Players()
    opened = players.read(score(folder, "bass"))["stems"][0]
    with pytest.raises(FileNotFoundError):
        players.read(score(folder, "bass", "nowhere"))
    players.let_go()
    assert players.read(score(folder, "bass"))["stems"][0] is not opened
