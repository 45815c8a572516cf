"""Adoption: a new daemon goes on with the sessions of one that was killed, whose engines play on.

What an engine does not know of its sessions lies beside their shared memory: what they are made of, what
control has done with them, and what their fans wish, each written within about 100 ms of its change. What was
ordered since then is in the engine all the same. Thread: [control].
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol

from remixd._kernel.checkpoint import mix_of
from remixd._kernel.shared import SessionMemory
from remixd.control import fans_papers
from remixd.control.decks import Knobs, Loaded
from remixd.control.engine import Engine
from remixd.control.order import Order
from remixd.control.recovery import newest_packet
from remixd.control.score import Beats, track_of
from remixd.control.session import Session
from remixd.control.sink import Sink
from remixd.control.start import Start
from remixd.director.blend import NO_PRESETS, Blend
from remixd.director.preset_files import load_blend
from remixd.director.thinning import thinned_db
from remixd.errors import InvalidInput, RemixdError
from remixd.mix import PLAYABLE
from remixd.track.package import Track
from remixd.units import STEM_ROLES

VERSION: Final = 4

FANS_SHARE: Final = 0.02
"""The wishes of a large crowd are written so seldom that it takes no more of control's time than this."""


class Shelf(Protocol):
    """Where tracks are found."""

    def get(self, track_id: str) -> Track:
        """Find a track. Raises NotFound."""


def _made_path(engine: Engine, key: int) -> Path:
    return engine.directory / f"made-{key}.json"


def _facts_path(engine: Engine, key: int) -> Path:
    return engine.directory / f"facts-{key}.json"


def _fans_path(engine: Engine, key: int) -> Path:
    return engine.directory / f"fans-{key}.json"


def _write(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, separators=(",", ":")), "utf-8")
    partial.rename(path)


@dataclass(slots=True)
class _Written:
    """What stands in the papers of one session.

    Attributes:
        fans: the version of the wishes that were written.
        fans_next_s: when they may be written again.
    """

    engine: Engine
    held: list[int]
    version: int = -1
    fans: tuple[int, ...] = ()
    fans_next_s: float = 0.0


class Papers:
    """What is written down of each session, for who comes after. A full folder is not worth a word."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = {}

    def write(self, session: Session) -> None:
        """Write down what has changed, but for what its fans wish."""
        engine, held = session.engine, [*session.players, *session.racks]
        before = self._written.get(session.id)
        try:
            if before is None or (before.engine, before.held) != (engine, held):
                made = {
                    "version": VERSION, "score": session.score, "players": list(session.players.values()),
                    "racks": list(session.racks.values()),
                }  # fmt: skip
                _write(_made_path(engine, session.key), made)
                before = self._written[session.id] = _Written(engine, held)
            if before.version != (version := session.version):
                _write(_facts_path(engine, session.key), _facts(session))
                before.version = version
        except OSError:
            return

    def write_fans(self, session: Session) -> Iterator[None]:
        """Write down what its fans wish, if that has changed: a piece before each step, all with the last.

        A crowd's wishes take a tenth of a second: whoever steps lets others have their turn in between.
        """
        before = self._written.get(session.id)
        if before is None:
            return
        version, began_s = fans_papers.version_of(session.desk), monotonic()
        if version == before.fans or not any(version) or began_s < before.fans_next_s:
            return
        path, took_s = _fans_path(session.engine, session.key), 0.0
        partial = path.with_suffix(".partial")
        with contextlib.suppress(OSError):
            with partial.open("w", encoding="utf-8") as file:
                for piece in fans_papers.pieces(session.desk, VERSION):
                    file.write(piece)
                    took_s += monotonic() - began_s
                    yield
                    began_s = monotonic()
                    if self._written.get(session.id) is not before:  # it is over, or played elsewhere now
                        partial.unlink(missing_ok=True)
                        return
            partial.rename(path)
            before.fans, before.fans_next_s = version, began_s + took_s / FANS_SHARE

    def forget(self, session: Session) -> None:
        """A session is over."""
        self._written.pop(session.id, None)
        for path in (_made_path, _facts_path, _fans_path):
            path(session.engine, session.key).unlink(missing_ok=True)


def _facts(session: Session) -> dict[str, Any]:
    desk = session.desk
    return {
        "version": VERSION,
        "id": session.id,
        "owner": session.owner,
        "sink": session.sink,
        "directed": desk.directed_track,
        "presets": desk.presets.to_json(),
        "mix": dict(desk.mix),
        "waits": desk.standing.to_json(),
        "because": dict(desk.because),
        "knobs": [deck.knobs.to_json() for deck in desk.decks.all],
        "cues": {track: list(cues) for track, cues in desk.decks.cues.items()},
        "orders": [[command_id, asdict(order)] for command_id, order in session.ledger.open.items()],
        "lead_ns": session.score["lead_ns"],
        "degraded": session.degraded,
        "wholes": list(desk.wholes.keys.items()),
        "transitions": desk.transitions.to_json(),
        "exploring": desk.exploring,
    }


def adopt(engine: Engine, key: int, shelf: Shelf) -> Session:
    """A session that an engine plays, as the daemon before had it.

    Raises InvalidInput if what it wrote down is not there or of another version, NotFound if a track is gone.
    """
    try:
        made, facts = _read(_made_path(engine, key)), _read(_facts_path(engine, key))
        return _adopted(engine, key, shelf, made, facts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"the papers of session {key}: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if read["version"] != VERSION:
        raise ValueError("they are of another version")
    return read


def _adopted(
    engine: Engine, key: int, shelf: Shelf, made: Mapping[str, Any], facts: Mapping[str, Any]
) -> Session:
    players = {int(player["key"]): player for player in made["players"]}
    checkpoint = SessionMemory(engine.memory_path(key)).checkpoints.read()
    mix = dict(facts["mix"])
    if checkpoint is not None:
        thin = thinned_db(mix["density"], STEM_ROLES)  # of these it holds what density left
        in_engine = zip(PLAYABLE, mix_of(checkpoint), strict=True)
        mix |= {name: value for name, value in in_engine if name not in thin}
    start = Start(
        track=shelf.get(facts["directed"]) if facts["directed"] else None,
        sink=Sink.parse(facts["sink"]),
        is_directed=bool(facts["directed"]),
        mix=mix,
        blend=_blend(facts["presets"]["weights"]),
        exploring=bool(facts["exploring"]),
    )
    score = {**made["score"], "player": None, "lead_ns": facts["lead_ns"]}
    session = Session(facts["id"], key, engine, start, score)
    session.owner = str(facts.get("owner", ""))
    session.players = players
    session.racks = {int(rack["key"]): rack for rack in made.get("racks", ())}
    for step, told in facts["degraded"].items():
        session.degraded[step] = told
    desk = session.desk
    desk.presets.restore(facts["presets"])
    desk.presets.passed_by = "racks" in session.degraded
    desk.because.update(facts["because"])
    desk.decks.cues.update({track: tuple(cues) for track, cues in facts["cues"].items()})
    orders = {int(command_id): Order(**order) for command_id, order in facts["orders"]}
    desk.receipts.adopt(orders)
    desk.standing.restore(facts["waits"])
    for deck, knobs in zip(desk.decks.all, facts["knobs"], strict=True):
        deck.knobs = Knobs.of_json(knobs)
    _put_on_decks(session, {key: _loaded(key, player, shelf) for key, player in players.items()}, facts)
    if (fans := _fans_path(engine, key)).exists():
        fans_papers.restore(desk, _read(fans))
    session.catch_up()
    desk.transitions.restore(facts["transitions"], orders)
    return session


def _blend(weights: Mapping[str, float]) -> Blend:
    """The presets that it stood in; where they are gone their mix stays, and nothing locks it."""
    try:
        return load_blend(weights)
    except RemixdError:
        return NO_PRESETS


def _put_on_decks(session: Session, loaded: dict[int, Loaded], facts: Mapping[str, Any]) -> None:
    """Find what is on each deck, as the engine told last; the rest is on its way, or lies aside."""
    decks, wholes = session.desk.decks, dict(facts["wholes"])
    packet = newest_packet(session.memory.ring)
    on_decks = (
        {deck.index: entry.player for deck, entry in zip(decks.all, packet.decks, strict=True)}
        if packet
        else {}
    )
    for deck in decks.all:
        deck.loaded = loaded.get(on_decks.get(deck.index, 0))
        if packet:
            deck.entry = packet.decks[deck.index]
        stems = loaded.get(wholes.get(on_decks.get(deck.index, 0), 0))
        if deck.loaded and stems:
            session.desk.wholes.adopt(deck, deck.loaded, stems)
    for key in loaded.keys() - set(on_decks.values()) - decks.aside:
        decks.expect(loaded[key])


def _loaded(key: int, score: Mapping[str, Any], shelf: Shelf) -> Loaded:
    _, track = track_of(score, shelf.get(score["track"]))
    return Loaded(key, track, Beats.of(track), loops=bool(score["loop"]))
