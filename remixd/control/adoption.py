"""Adoption: a new daemon goes on with the sessions of one that was killed, whose engines play on.

What an engine does not know of its sessions lies beside their shared memory: what they are made of, written
when that changes, and what control has done with them, written once a second. What was ordered since then is
in the engine all the same. Directors begin anew, without the wishes of fans. Thread: [control].
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

from remixd._kernel.checkpoint import mix_of
from remixd._kernel.shared import SessionMemory
from remixd.control.command import Clamp
from remixd.control.decks import Knobs, Loaded
from remixd.control.desk import Start
from remixd.control.engine import Engine
from remixd.control.order import Order
from remixd.control.recovery import newest_packet
from remixd.control.score import Beats
from remixd.control.session import Session
from remixd.control.sink import Sink
from remixd.errors import InvalidInput
from remixd.mix import PLAYABLE
from remixd.track.package import Track

VERSION: Final = 1


class Shelf(Protocol):
    """Where tracks are found."""

    def get(self, track_id: str) -> Track:
        """Find a track. Raises NotFound."""


def _made_path(engine: Engine, key: int) -> Path:
    return engine.directory / f"made-{key}.json"


def _facts_path(engine: Engine, key: int) -> Path:
    return engine.directory / f"facts-{key}.json"


def _write(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, separators=(",", ":")), "utf-8")
    partial.rename(path)


class Papers:
    """What is written down of each session, for who comes after. A full folder is not worth a word."""

    def __init__(self) -> None:
        self._written: dict[str, tuple[Engine, list[int], dict[str, Any]]] = {}

    def write(self, session: Session) -> None:
        """Write down what has changed."""
        engine, held, facts = session.engine, [*session.players, *session.racks], _facts(session)
        before = self._written.get(session.id)
        if before == (engine, held, facts):
            return
        try:
            if before is None or before[:2] != (engine, held):
                made = {
                    "version": VERSION, "score": session.score, "players": list(session.players.values()),
                    "racks": list(session.racks.values()),
                }  # fmt: skip
                _write(_made_path(engine, session.key), made)
            _write(_facts_path(engine, session.key), facts)
        except OSError:
            return
        self._written[session.id] = engine, held, facts

    def forget(self, session: Session) -> None:
        """A session is over."""
        self._written.pop(session.id, None)
        for path in (_made_path(session.engine, session.key), _facts_path(session.engine, session.key)):
            path.unlink(missing_ok=True)


def _facts(session: Session) -> dict[str, Any]:
    desk = session.desk
    return {
        "version": VERSION,
        "id": session.id,
        "sink": session.sink,
        "directed": desk.directed_track,
        "preset": desk.preset,
        "clamps": [asdict(clamp) for clamp in desk.clamps],
        "mix": dict(desk.mix),
        "because": dict(desk.because),
        "knobs": [_plain(deck.knobs) for deck in desk.decks.all],
        "cues": {track: list(cues) for track, cues in desk.decks.cues.items()},
        "orders": [[command_id, asdict(order)] for command_id, order in session.ledger.open.items()],
    }


def _plain(knobs: Knobs) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for field in fields(knobs):
        value = getattr(knobs, field.name)
        if isinstance(value, Mapping):
            plain[field.name] = dict(value)
        else:
            plain[field.name] = sorted(value) if isinstance(value, frozenset) else value
    return plain


def _knobs(plain: Mapping[str, Any]) -> Knobs:
    words: dict[str, Any] = {}
    for name, value in plain.items():
        if isinstance(value, dict):
            words[name] = MappingProxyType(value)
        else:
            words[name] = frozenset(value) if isinstance(value, list) else value
    return Knobs(**words)


def adopt(engine: Engine, key: int, shelf: Shelf) -> Session:
    """A session that an engine plays, as the daemon before had it.

    Raises InvalidInput if what it wrote down is not there or of another version, NotFound if a track is gone.
    """
    try:
        made = json.loads(_made_path(engine, key).read_text("utf-8"))
        facts = json.loads(_facts_path(engine, key).read_text("utf-8"))
        if (made["version"], facts["version"]) != (VERSION, VERSION):
            raise ValueError("they are of another version")
        return _adopted(engine, key, shelf, made, facts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"the papers of session {key}: {error}") from None


def _adopted(
    engine: Engine, key: int, shelf: Shelf, made: Mapping[str, Any], facts: Mapping[str, Any]
) -> Session:
    players = {int(player["key"]): player for player in made["players"]}
    checkpoint = SessionMemory(engine.memory_path(key)).checkpoints.read()
    mix = dict(facts["mix"])
    if checkpoint is not None:
        mix |= zip(PLAYABLE, mix_of(checkpoint), strict=True)
    start = Start(
        track=shelf.get(facts["directed"]) if facts["directed"] else None,
        sink=Sink.parse(facts["sink"]),
        is_directed=bool(facts["directed"]),
        preset=facts["preset"],
        mix=mix,
        clamps=tuple(Clamp(**clamp) for clamp in facts["clamps"]),
    )
    session = Session(facts["id"], key, engine, start, {**made["score"], "player": None})
    session.players = players
    session.racks = {int(rack["key"]): rack for rack in made.get("racks", ())}
    desk = session.desk
    desk.because.update(facts["because"])
    desk.decks.cues.update({track: tuple(cues) for track, cues in facts["cues"].items()})
    desk.receipts.adopt({int(command_id): Order(**order) for command_id, order in facts["orders"]})
    for deck, knobs in zip(desk.decks.all, facts["knobs"], strict=True):
        deck.knobs = _knobs(knobs)
        deck.loaded = None
    on_decks = packet.decks if (packet := newest_packet(session.memory.ring)) else ()
    loaded = {player: _loaded(player, score, shelf) for player, score in players.items()}
    for deck, entry in zip(desk.decks.all, on_decks, strict=False):
        deck.loaded = loaded.pop(entry.player, None)
    for waiting in loaded.values():
        desk.decks.expect(waiting)
    session.catch_up()
    return session


def _loaded(key: int, score: Mapping[str, Any], shelf: Shelf) -> Loaded:
    track = shelf.get(score["track"])
    return Loaded(key, track, Beats.of(track), loops=bool(score["loop"]))
