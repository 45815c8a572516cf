"""Signals: answered, clamped and refused."""

from __future__ import annotations

import pytest


def test_a_signal_is_answered_as_documented(told, session):
    quick = told("signal", session.id, "vocals=-90", "tempo=1.06", "--fan", "mina")
    assert quick["accepted"] is True
    assert quick["applied"] is None
    [clamp] = quick["clamps"]
    assert clamp == {"dimension": "vocals", "asked": -90.0, "given": -60.0, "because": "the range"}
    patient = told("signal", session.id, "drums=-3", "--wait")
    assert {"id", "accepted", "clamps", "applied"} <= set(patient)
    assert {"sample", "settled_sample", "bar_beat"} <= set(patient["applied"])
    assert patient["applied"]["settled_sample"] == 480
    assert [signal.fan for signal in session.received] == ["mina", ""]


def test_a_clamp_is_told_to_a_person_too(remixd, session):
    done = remixd("signal", session.id, "vocals=-90", "--wait")
    assert "vocals: -60 instead of -90: the range" in done.out
    assert "applied from sample 0 (1:1.00), settled at 480" in done.out


def test_a_signal_that_is_refused_says_why_and_fails(remixd, session):
    done = remixd("signal", session.id, "vocals=-1", "--fan", "f" * 200, "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err == "remixd: fan has 200 characters; at most 128 are taken\n"


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ("vocls=-1", "there is no dimension 'vocls': did you mean vocals?"),
        ("vocals", "vocals: say vocals=VALUE, vocals+ or vocals-"),
        ("vocls+", "there is no dimension 'vocls': did you mean vocals?"),
        ("drums+9", "drums: steps go up to 8 either way"),
        ("drums+0", "drums: steps go up to 8 either way"),
        ("dwell", "dwell: say dwell=AMOUNT, in s listened on"),
        ("dwell=nan", "amount of dwell is 0 to 3600 s listened on"),
        ("cadence=4", "amount of cadence is 40 to 240 steps a minute"),
        ("cadence=x", "cadence=x: 'x' is not a number"),
        ("vocals=nan", "vocals=nan: not a number"),
        ("vocals=inf", "vocals is infinite"),
    ],
)
def test_a_wish_that_cannot_be_is_one_line(remixd, session, wish, why):
    done = remixd("signal", session.id, wish, "--json")
    assert (done.code, done.out, done.err) == (1, "", f"remixd: {why}\n")
    assert session.received == []
