"""Fans by names that tell nothing: through a new key, an old file, and a key that is dropped."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd import cli
from remixd.audience.audience import Audience
from remixd.audience.signal import Signal
from remixd.audience.space import D
from remixd.control.audiences import Audiences
from remixd.control.fan_keys import FanKeys, key_id_of
from remixd.control.journals import Journals
from remixd.control.kept_tastes import FILE, KeptTastes
from remixd.errors import InvalidInput, NotFound
from remixd.mix import NEUTRAL

TASTE = np.full(D, 0.25), np.full(D, 0.5)


@pytest.fixture
def keys(tmp_path):
    return FanKeys(tmp_path / "state" / "fan-keys.json")


@given(st.text(min_size=1, max_size=128), st.text(min_size=1, max_size=128))
def test_a_name_is_of_one_handle_and_one_key_alone(one, other):
    keys = FanKeys()
    assert keys.name(one) == keys.name(one)
    assert (keys.name(one) == keys.name(other)) == (one == other)
    assert FanKeys().name(one) != keys.name(one)
    assert key_id_of(keys.name(one)) == keys.keys.current
    assert len(one) < 6 or one not in keys.name(one)


def test_keys_are_the_same_after_a_restart_and_nobody_else_may_read_them(keys, tmp_path):
    path = tmp_path / "state" / "fan-keys.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert FanKeys(path).name("mina") == keys.name("mina")
    path.chmod(0o604)
    with pytest.raises(InvalidInput, match="everybody may read"):
        FanKeys(path)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(InvalidInput, match="no keys"):
        FanKeys(path)


def test_a_new_key_names_fans_anew_and_the_old_names_are_known_until_they_are_dropped(keys, tmp_path):
    path = tmp_path / "state" / "fan-keys.json"
    old = keys.name("mina")
    assert not keys.reload()
    FanKeys(path).rotate()  # another process
    assert keys.reload()
    assert keys.names("mina")[1:] == (old,)
    assert keys.name("mina") != old
    FanKeys(path).drop_old()
    assert keys.reload()
    assert len(keys.names("mina")) == 1
    assert keys.keys.dropped == (key_id_of(old),)
    path.write_text("broken")
    now = keys.name("mina")
    assert not keys.reload()
    assert keys.name("mina") == now


def use(path: Path, keys: FanKeys, journals: Journals | None = None) -> Audiences:
    audiences = Audiences(list, path / FILE, journals)
    asyncio.run(audiences.use(keys))
    return audiences


def known(path: Path) -> set[str]:
    with sqlite3.connect(path / FILE) as database:
        return {fan for (fan,) in database.execute("SELECT fan FROM tastes")}


def old_file(path: Path, *handles: str) -> None:
    kept = KeptTastes(path / FILE)
    kept.put(dict.fromkeys(handles, TASTE), 1.0)
    kept.close()
    with sqlite3.connect(path / FILE) as database:
        database.execute("PRAGMA user_version = 1")


def test_tastes_that_an_older_remixd_kept_lose_their_handles_and_nothing_else(keys, tmp_path):
    old_file(tmp_path, "mina-kim", "joon")
    for _ in range(2):  # the second time there is nothing to do
        audiences = use(tmp_path, keys)
        mean, variance = audiences._kept.get(keys.name("mina-kim"))
        assert np.array_equal(mean, TASTE[0])
        assert np.array_equal(variance, TASTE[1])
        audiences.close()
        assert known(tmp_path) == {keys.name("mina-kim"), keys.name("joon")}
    assert b"mina-kim" not in (tmp_path / FILE).read_bytes()


def test_a_taste_follows_its_fan_to_a_new_key_and_goes_with_a_dropped_one(keys, tmp_path):
    old_file(tmp_path, "mina", "joon")
    use(tmp_path, keys).close()
    keys.rotate()
    audiences = use(tmp_path, keys)
    name, *before = keys.names("mina")
    audiences.rename(before, name)
    assert audiences._kept.get(name) is not None
    gone = keys.names("joon")[1]
    keys.drop_old()
    asyncio.run(audiences.use(keys))
    audiences.close()
    assert known(tmp_path) == {name}
    assert gone not in known(tmp_path)


def test_who_is_forgotten_is_forgotten_under_older_names_too(keys, tmp_path):
    old_file(tmp_path, "mina")
    use(tmp_path, keys).close()
    keys.rotate()
    audiences = use(tmp_path, keys)
    name, *before = keys.names("mina")
    assert asyncio.run(audiences.forget_fan(name, before)).taste
    with pytest.raises(NotFound):
        asyncio.run(audiences.forget_fan(name, before))
    audiences.close()
    assert known(tmp_path) == set()


def test_journals_tables_lose_handles_and_lines_of_dropped_keys(keys, tmp_path):
    folder = tmp_path / "journals"
    folder.mkdir()
    table = folder / "s-1.fans"
    table.write_text('["aa", "mina"]\n["bb", "joon"]\n')
    journals = Journals(folder, tmp_path)
    use(tmp_path, keys, journals).close()
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    assert rows == [["aa", keys.name("mina")], ["bb", keys.name("joon")]]
    keys.rotate()
    keys.drop_old()
    use(tmp_path, keys, journals).close()
    assert table.read_text() == ""


@given(st.lists(st.sampled_from(["drums", "bass", "vocals"]), min_size=1, max_size=6), st.booleans())
def test_a_fan_of_another_name_is_the_same_fan(names, crowded):
    """Two audiences hear the same; in one the fan is renamed. Afterwards each is to the other's bit."""
    plain, renamed = (Audience(NEUTRAL, seed=1, explores=False) for _ in range(2))
    for audience in (plain, renamed):
        audience.hear(0.0, NEUTRAL)
        if crowded:
            other = Signal(id="o", fan="other", wishes={"bass": -3.0})
            audience.take(other, other.wishes, 5.0)
        for index, name in enumerate(names):
            signal = Signal(id=f"{index}", fan="old", wishes={name: -1.0 - index}, consent="taste")
            audience.take(signal, signal.wishes, 10.0 + index)
    assert renamed.rename("old", "new")
    assert not renamed.rename("old", "new")
    again = Signal(id="0", fan="new", wishes={"bass": 1.0})
    assert renamed.knows(again)
    slot = renamed.fans.get("new").slot
    restored = renamed.copy(30.0)
    assert restored.knows(again)
    for audience in (renamed, restored):
        assert audience.wanted(30.0) == plain.wanted(30.0)
        assert np.array_equal(audience.tastes.mean([slot]), plain.tastes.mean([slot]))
        last = f"{len(names) - 1}"
        audience.undo("new", last, 31.0)
    plain.undo("old", last, 31.0)
    assert renamed.wanted(32.0) == restored.wanted(32.0) == plain.wanted(32.0)
    assert renamed.fans.find("old") is None
    renamed.forget("new")
    assert [fan.handle for fan in renamed.fans] == ["other"] * crowded


def test_the_command_line_rotates_and_drops(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("REMIXD_STATE", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert cli.run(["fans", "rotate"]) == 0
    keys = FanKeys(tmp_path / "fan-keys.json").keys
    assert len(keys.keys) == 2
    assert cli.run(["fans", "drop-old"]) == 0
    assert FanKeys(tmp_path / "fan-keys.json").keys.keys == keys.keys[:1]
    told = capsys.readouterr()
    assert keys.current in told.err
    assert all(key.hex() not in told.err + told.out for _, key in keys.keys)


def test_keys_that_are_broken_are_told_once_and_not_every_second(tmp_path, caplog):
    keys = FanKeys(tmp_path / "keys.json")
    before, good = keys.name("mina"), (tmp_path / "keys.json").read_bytes()
    (tmp_path / "keys.json").write_text("{")
    for _ in range(10):
        assert not keys.reload()
    assert caplog.text.count("the keys of fans stay as they were") == 1
    assert keys.name("mina") == before
    (tmp_path / "keys.json").write_bytes(good)
    keys.reload()
    (tmp_path / "keys.json").unlink()
    keys.reload()
    assert caplog.text.count("the keys of fans stay as they were") == 2
