"""The crowd beside the wishes sends what it says, and tells when it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.bench.pouring import BATCH, FANS, Pouring, batch_of
from remixd.errors import Unavailable
from remixd.mix import DIMENSIONS


@given(first=st.integers(0, 10**6), apart=st.integers(1, 10**6))
def test_no_signal_comes_twice_and_each_can_be_given(first, apart):
    batches = [batch_of("s", number) for number in (first, first + apart)]
    signals = [signal for batch in batches for signal in batch.signals]
    assert len({signal.id for signal in signals}) == len(signals) == 2 * BATCH
    for signal in signals:
        [wish] = signal.wishes
        row = DIMENSIONS[wish.dimension]
        assert row.minimum <= wish.value <= row.maximum


def test_a_crowd_is_as_large_as_it_says():
    fans = {signal.fan for number in range(40) for signal in batch_of("s", number).signals}
    assert len(fans) == FANS


def test_a_crowd_that_finds_no_daemon_is_told():
    with pytest.raises(Unavailable, match="cannot send"), Pouring("127.0.0.1:1", "s", 100):
        pass
