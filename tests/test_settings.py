"""Settings: what comes before what, and what is wrong with a file."""

from __future__ import annotations

import string
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd import cli, settings
from remixd.errors import InvalidInput

WRONG = {
    "text": [1, True, ["x"], "a\u0007b"],
    "address": ["nowhere", 1, ":"],
    "size": ["much", 20, "-1"],
    "path": [1, [], "~nobody-here/x"],
    "number": ["x", True, -1.0, 1e99],
    "count": [1.5, "x", True, -7, 1 << 60],
    "choice": ["neither", 1],
}


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    for key in settings.KEYS.values():
        if key.env:
            monkeypatch.delenv(key.env, raising=False)
    monkeypatch.delenv("REMIXD_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def written(tmp_path, text):
    path = tmp_path / "remixd.toml"
    path.write_text(text)
    return path


def run(capsys, *words):
    code = cli.run([str(word) for word in words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_an_option_comes_before_the_environment_that_before_the_file_and_that_before_the_default(
    tmp_path, monkeypatch
):
    assert str(settings.load().serve.listen) == "127.0.0.1:7400"
    path = written(tmp_path, '[serve]\nlisten = "127.0.0.1:1"\nlibrary = "songs"\nblock = 256\n')
    monkeypatch.setenv("REMIXD_CONFIG", str(path))
    assert str(settings.load().serve.listen) == "127.0.0.1:1"
    assert settings.load().serve.block == 256
    assert settings.load().serve.library == tmp_path / "songs"
    monkeypatch.setenv("REMIXD_LISTEN", "127.0.0.1:2")
    assert str(settings.load().serve.listen) == "127.0.0.1:2"
    assert str(settings.load(options={"serve.listen": "127.0.0.1:3"}).serve.listen) == "127.0.0.1:3"
    assert str(settings.load(options={"serve.listen": None}).serve.listen) == "127.0.0.1:2"


def test_the_users_own_file_is_read_if_it_is_there(tmp_path):
    folder = tmp_path / "config" / "remixd"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[limits]\nstreams_max = 7\n")
    assert settings.load().limits.streams_max == 7


def test_every_key_is_in_the_example_and_the_example_sets_what_is_so_already():
    text = settings.example()
    assert tomllib.loads(text) == {table: {} for table in settings.TABLES}
    uncommented = "\n".join(
        line.removeprefix("#") if line.startswith("#") and not line.startswith("# ") else line
        for line in text.splitlines()
    )
    plain = tomllib.loads(uncommented)
    assert {f"{table}.{name}" for table, entries in plain.items() for name in entries} == set(settings.KEYS)
    values, faults = settings.faults_of(uncommented)
    assert faults == []
    untouched = settings.Settings()
    for name, value in values.items():
        table, _, key = name.partition(".")
        if name != "serve.engines":  # whose default is counted
            assert getattr(getattr(untouched, table), key) == value


@pytest.mark.parametrize(("name", "key"), settings.KEYS.items())
def test_a_value_of_another_kind_or_range_is_told_with_its_line_and_key(name, key):
    table, _, short = name.partition(".")
    for value in WRONG[key.kind]:
        shown = {True: "true"}.get(value) if isinstance(value, bool) else None
        text = shown or (f'"{value}"'.replace("\a", "\\u0007") if isinstance(value, str) else str(value))
        _, faults = settings.faults_of(f"# a file\n[{table}]\n\n{short} = {text}\n")
        assert [(fault.where, fault.line) for fault in faults] == [(name, 4)], value


def test_what_is_misspelt_is_told_with_the_nearest_and_all_of_it(tmp_path, capsys):
    path = written(
        tmp_path,
        '[serv]\nlisten = "x"\n[limits]\nstreams_mx = 4\nkeepalive_s = "long"\n[log]\nlevel = "inf"\n',
    )
    code, out, err = run(capsys, "config", "check", path)
    assert code == 1
    assert out.splitlines() == [
        f"{path}: line 1: serv: there is no such table: did you mean serve?",
        f"{path}: line 4: limits.streams_mx: there is no such key: did you mean streams_max?",
        f"{path}: line 5: limits.keepalive_s: 'long' is not a number",
        f"{path}: line 7: log.level: there is no 'inf': did you mean info?",
    ]
    assert err == f"remixd: {path} has 4 faults\n"
    with pytest.raises(InvalidInput, match=r"line 1: serv: .*\(and 3 more: remixd config check\)"):
        settings.load(path)


@given(text=st.text(alphabet=string.printable, max_size=200))
def test_no_file_is_a_fault_of_remixd(text):
    values, faults = settings.faults_of(text)
    assert all(str(fault) for fault in faults)
    assert not values or set(values) <= set(settings.KEYS)


NAMES = st.sampled_from([name.partition(".")[2] for name in settings.KEYS] + ["other"])
NUMBERS = st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.dictionaries(
        st.sampled_from([*settings.TABLES, "else"]), st.dictionaries(NAMES, NUMBERS, max_size=4), max_size=3
    )
)
def test_each_entry_is_either_taken_or_at_fault_and_what_is_taken_is_in_its_range(tables):
    lines = []
    for table, entries in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{name} = {str(value).lower()}" for name, value in entries.items()]
    values, faults = settings.faults_of("\n".join(lines))
    at_fault = {fault.where for fault in faults}
    for table, entries in tables.items():
        for name in entries:
            where = f"{table}.{name}"
            assert (where in values) != (where in at_fault or table in at_fault)
    for where, value in values.items():
        assert settings.KEYS[where].least <= value <= settings.KEYS[where].most


def test_what_does_not_go_together_is_refused_in_a_sentence(tmp_path, capsys):
    for text, why in (
        ('[tls]\ncertificate = "c.pem"\n', "go together"),
        ('[tls]\nclient_ca = "c.pem"\n', "without tls.certificate"),
        ('[auth]\naudience = "x"\n', "no key that signs"),
        ("[serve\n", "no TOML"),
    ):
        path = written(tmp_path, text)
        code, out, err = run(capsys, "config", "check", path)
        assert code == 1
        assert why in out + err


def test_a_secret_that_everybody_may_read_is_told(tmp_path, capsys):
    secret = tmp_path / "secret"
    secret.write_text("x" * 40)
    secret.chmod(0o644)
    path = written(tmp_path, '[auth]\nhs256_secret_file = "secret"\n')
    code, _, err = run(capsys, "config", "check", path)
    assert code == 1
    assert f"everybody may read it: chmod 600 {secret}" in err
    secret.chmod(0o640)
    assert run(capsys, "config", "check", path)[0] == 0


def test_what_is_shown_is_what_would_be_served_without_the_secret(tmp_path, capsys, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("the secret itself, and long enough too")
    monkeypatch.setenv("REMIXD_HS256_SECRET_FILE", str(secret))
    path = written(tmp_path, "[limits]\nstreams_max = 7\n")
    code, out, _ = run(capsys, "config", "show", "--config", path)
    assert code == 0
    assert "limits.streams_max = 7" in out.splitlines()
    assert f"auth.hs256_secret_file = {secret}" in out.splitlines()
    assert "the secret itself" not in out
