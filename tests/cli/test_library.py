"""Which library a command uses: the daemon's or one on the disk."""

from __future__ import annotations


def test_a_library_that_is_named_is_used_on_the_disk(told, service, tmp_path):
    assert told("tracks", "--library", tmp_path / "mine") == []
    assert (tmp_path / "mine" / "library.db").exists()
    assert service.imports == []


def test_the_users_own_library_is_used_where_no_daemon_runs(told, service, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    service.stop()
    assert told("tracks") == []
    assert (tmp_path / "remixd" / "library.db").exists()


def test_a_daemon_that_was_named_is_asked_though_a_library_is_set(remixd, tmp_path, monkeypatch):
    monkeypatch.setenv("REMIXD_LIBRARY", str(tmp_path))
    done = remixd("tracks", "--daemon", "127.0.0.1:1")
    assert done.code == 1
    assert "no daemon at 127.0.0.1:1" in done.err


def test_a_library_and_a_daemon_cannot_both_be_named(remixd, tmp_path):
    done = remixd("tracks", "--daemon", "127.0.0.1:1", "--library", str(tmp_path))
    assert done.code == 1
    assert "--library and --daemon" in done.err


def test_a_daemon_that_was_named_must_run(remixd, service):
    address = service.address
    service.stop()
    done = remixd("tracks", "--daemon", address)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"remixd: no daemon at {address}: start one with `remixd serve`\n"
