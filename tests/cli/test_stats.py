"""How a daemon does, on the command line."""

from __future__ import annotations

from hand_played import ENGINE_PID


def test_figures_are_told_in_words_and_in_json(remixd, told):
    shown = remixd("stats").out
    assert "up 60 s" in shown
    assert f"engine {ENGINE_PID}: 2 sessions, 25.0 % of its core (up to 80 %), 3 packets late" in shown
    assert told("stats")["resident_bytes"] == 1 << 20
