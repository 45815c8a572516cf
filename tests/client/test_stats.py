"""How a daemon does, as a client is told."""

from __future__ import annotations

import dataclasses

from serving import A_CENSUS

from remixd.client import DaemonStats


def test_every_figure_of_a_census_arrives(client):
    told = client.stats()
    for field in dataclasses.fields(DaemonStats):
        if field.name not in ("version", "engines", "tracks", "sessions", "worst"):
            assert getattr(told, field.name) == getattr(A_CENSUS, field.name), field.name
    [engine] = told.engines
    assert dataclasses.asdict(engine) == dataclasses.asdict(A_CENSUS.engines[0])


def test_figures_are_followed(client):
    with client.watch_stats(every_s=0.1) as told:
        assert [next(told).tracks for _ in range(3)] == [1, 2, 3]
