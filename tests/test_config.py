"""Where the daemon listens and keeps its things."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.config import (
    DEFAULT_LISTEN,
    Address,
    cache_max_bytes,
    library_chosen,
    library_path,
    listen_address,
    parse_size,
    runtime_path,
    size_text,
    user_cache_path,
    user_state_path,
)
from remixd.errors import InvalidInput

NAMES = (
    "REMIXD_LISTEN",
    "REMIXD_LIBRARY",
    "REMIXD_RUNTIME",
    "REMIXD_CACHE_MAX",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "REMIXD_STATE",
)


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/mina")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:7400", "127.0.0.1", 7400),
        ("localhost:0", "localhost", 0),
        ("[::1]:65535", "::1", 65535),
        ("::1:80", "::1", 80),
    ],
)
def test_an_address_is_a_host_and_a_port(text, host, port):
    assert Address.parse(text) == Address(host, port)


@pytest.mark.parametrize("text", ["", "7400", ":7400", "host:", "host:x", "host:65536", "host:-1", "h:٣"])
def test_what_is_no_address_is_named(text):
    with pytest.raises(InvalidInput, match="is not HOST:PORT") as caught:
        Address.parse(text)
    assert repr(text) in str(caught.value)


@given(host=st.sampled_from(["127.0.0.1", "localhost", "::1", "example.org"]), port=st.integers(0, 65535))
def test_an_address_reads_back_what_it_writes(host, port):
    assert Address.parse(str(Address(host, port))) == Address(host, port)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.1.2", False),
    ],
)
def test_loopback_is_this_machine_only(host, loopback):
    assert Address(host, 1).is_loopback is loopback


def test_an_argument_goes_before_the_environment_and_that_before_the_default(monkeypatch):
    assert str(listen_address()) == DEFAULT_LISTEN
    monkeypatch.setenv("REMIXD_LISTEN", "127.0.0.1:1")
    assert listen_address().port == 1
    assert listen_address("127.0.0.1:2").port == 2
    assert library_path() == Path("/home/mina/.local/share/remixd")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert library_path() == Path("/data/remixd")
    monkeypatch.setenv("REMIXD_LIBRARY", "/songs")
    assert library_path() == Path("/songs")
    assert library_path(Path("/others")) == Path("/others")


def test_only_a_library_that_somebody_named_is_chosen(monkeypatch, tmp_path):
    assert library_chosen() is None
    monkeypatch.chdir(tmp_path)
    assert library_chosen(Path("songs")) == tmp_path / "songs"
    monkeypatch.setenv("REMIXD_LIBRARY", "~/songs")
    assert library_chosen() == Path("/home/mina/songs")


def test_shared_memory_lies_apart_for_every_user(monkeypatch):
    assert runtime_path() == Path(f"/dev/shm/remixd-{os.getuid()}")
    monkeypatch.setenv("REMIXD_RUNTIME", "/run/remixd")
    assert runtime_path() == Path("/run/remixd")


def test_what_can_be_made_again_lies_in_the_cache(monkeypatch):
    assert user_cache_path() == Path("/home/mina/.cache/remixd")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert user_cache_path() == Path("/cache/remixd")


@pytest.mark.parametrize("variable", ["REMIXD_LIBRARY", "XDG_DATA_HOME"])
def test_a_home_that_nobody_has_is_named(monkeypatch, variable):
    monkeypatch.delenv("REMIXD_LIBRARY", raising=False)
    monkeypatch.setenv(variable, "~nobody-of-this-name/x")
    with pytest.raises(InvalidInput, match="~nobody-of-this-name"):
        library_path()


def test_what_is_written_down_has_a_folder_of_its_own(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert user_state_path() == Path("/state/remixd")
    monkeypatch.setenv("REMIXD_STATE", "/elsewhere")
    assert user_state_path() == Path("/elsewhere")


def test_who_has_no_home_has_no_cache_and_lives_on(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "~nobody-of-this-name/x")
    assert not user_state_path().parent.is_dir()
    monkeypatch.setenv("XDG_CACHE_HOME", "~nobody-of-this-name/x")
    assert not user_cache_path().parent.is_dir()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096), ("0", 0), ("20GB", 20 * 10**9), ("20 gb", 20 * 10**9), ("20g", 20 * 10**9),
        ("1.5TB", 1_500_000_000_000), ("512MiB", 512 * 2**20), (" 3 kB ", 3000), ("2 KiB", 2048), ("7 b", 7),
    ],
)  # fmt: skip
def test_a_size_has_a_unit_or_is_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1e9", "20XB", "20GBB", "inf", "2.GB", "9" * 99, "٣GB"])
def test_what_is_no_size_is_named(text):
    with pytest.raises(InvalidInput, match="is not a size such as 20GB") as caught:
        parse_size(text)
    assert repr(text) in str(caught.value)


@given(size=st.integers(0, 10**16))
def test_a_size_reads_back_within_a_hundredth(size):
    text = size_text(size).removesuffix(" bytes")
    assert parse_size(text) == pytest.approx(size, rel=0.01)


def test_the_cap_is_the_argument_then_the_environment_then_20_gb(monkeypatch):
    assert cache_max_bytes() == 20 * 10**9
    monkeypatch.setenv("REMIXD_CACHE_MAX", "5GB")
    assert cache_max_bytes() == 5 * 10**9
    assert cache_max_bytes("1MB") == 10**6
