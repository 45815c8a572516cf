"""Every plug-in of Debian's zam-plugins plays, for ten seconds of noise each; but one, which is refused."""

from __future__ import annotations

import numpy as np
import pytest
from vst3s import ZAM, zam

from remixd.engine.hosted import LOAD_S, Hosted

pytestmark = pytest.mark.soak

SLOW = "ZamVerb.vst3"
BUNDLES = sorted({path.name for path in ZAM.glob("*.vst3")} - {SLOW})


@pytest.mark.parametrize(
    "bundle", BUNDLES or [pytest.param("none", marks=pytest.mark.skip("no zam-plugins"))]
)
def test_it_plays(bundle: str) -> None:
    it = Hosted([{"path": str(ZAM / bundle)}])
    try:
        rng = np.random.default_rng(1)
        sound = (0.1 * rng.standard_normal((2, 64 * 7500))).astype(np.float32)
        for at in range(0, sound.shape[1], 64):
            heard = it.insert(np.ascontiguousarray(sound[:, at : at + 64]))
            assert np.abs(heard).max() < 32
        it.tick()
        assert (it.insert.late_blocks, it.state, it.news()) == (0, "playing", [])
        assert it.insert.is_wet
    finally:
        it.close()


def test_one_that_takes_two_minutes_to_load_is_refused() -> None:
    with pytest.raises(ValueError, match=f"within {LOAD_S:g} s"):
        Hosted([{"path": str(zam("ZamVerb"))}])
