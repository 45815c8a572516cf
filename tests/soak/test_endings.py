"""Hundreds of processes end while something of a client is open."""

from __future__ import annotations

import itertools

import pytest
from endings import OPEN, exit_codes
from shelves import TRACK

from remixd.client import Client

ENDS = {"": 0, "raise SystemExit(3)": 3, "raise KeyError": 1, "client.close()": 0}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_process_ends_with_its_own_code(service):
    with Client(str(service.address)) as client:
        session = client.create_session(TRACK).id
    cases = list(itertools.product(OPEN.values(), ENDS)) * 10
    for start in range(0, len(cases), 4):
        some = cases[start : start + 4]
        codes = exit_codes(service.address, session, [f"kept = {body}\n{end}\n" for body, end in some])
        assert codes == [ENDS[end] for _, end in some]
