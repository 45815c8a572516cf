"""The Demucs adapter: with a package of that name made here, and with Demucs itself where it is installed."""

import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from recordings import sine

from remixd.analysis import demucs
from remixd.analysis.demucs import DemucsSplitter
from remixd.errors import Unavailable

RATE_HZ = 44_100


class Tensor:
    """As much of a tensor as the adapter uses."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __getitem__(self, key: Any) -> "Tensor":
        return Tensor(self.values[key])

    def reshape(self, *shape: int) -> "Tensor":
        return Tensor(self.values.reshape(*shape))

    def numpy(self) -> np.ndarray:
        return self.values


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A Demucs whose drums are half of the mix, its bass a quarter, its vocals an eighth; 4 s at a time."""
    told = SimpleNamespace(chunks=[], repos=[])
    shares = {"drums": 0.5, "bass": 0.25, "other": 0.125, "vocals": 0.125}
    model = SimpleNamespace(sources=list(shares), samplerate=RATE_HZ)

    def apply_model(_model: Any, mix: Tensor, **_how: Any) -> Tensor:
        told.chunks.append(mix.values.shape[2])
        return Tensor(np.stack([mix.values[0] * share for share in shares.values()])[None])

    def get_model(name: str, repo: Path) -> Any:
        told.repos.append((name, repo))
        if (repo / f"{name}.yaml").read_text() == "broken":
            raise RuntimeError("no model\nthere")
        return model

    class Mode:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    modules = {
        "torch": {"inference_mode": Mode, "from_numpy": Tensor},
        "demucs": {"__path__": []},
        "demucs.pretrained": {"get_model": get_model},
        "demucs.apply": {"apply_model": apply_model},
    }
    for name, parts in modules.items():
        module = ModuleType(name)
        module.__spec__ = importlib.util.spec_from_loader(name, None)
        vars(module).update(parts)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(demucs, "_CHUNK_S", 4.0)
    monkeypatch.setattr(demucs, "_FADE_S", 1.0)
    monkeypatch.setenv("REMIXD_DEMUCS", str(tmp_path))
    (tmp_path / "htdemucs.yaml").write_text("models: [x]")
    return told


def whole(splitter: DemucsSplitter, mix: np.ndarray, rate_hz: int, cut: int = 30_000) -> list[np.ndarray]:
    blocks = [mix[at : at + cut] for at in range(0, len(mix), cut)]
    return [np.concatenate(part) for part in zip(*splitter.split(blocks, rate_hz), strict=True)]


def song(seconds: float, rate_hz: int) -> np.ndarray:
    return (sine(seconds, 220, rate_hz) + sine(seconds, 997, rate_hz)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
@pytest.mark.parametrize("seconds", [0.5, 4.0, 9.7])
@pytest.mark.usefixtures("fake")
def test_parts_are_in_time_with_the_mix_at_any_rate(rate_hz: int, seconds: float) -> None:
    splitter, mix = DemucsSplitter(), song(seconds, rate_hz)
    assert splitter.roles == ("drums", "bass", "vocals")
    same, *parts = whole(splitter, mix, rate_hz)
    np.testing.assert_array_equal(same, mix)
    inner = slice(200, -200)  # resampling rings where a song is cut off
    for part, share in zip(parts, (0.5, 0.25, 0.125), strict=True):
        assert part.shape == mix.shape
        assert np.abs(part - share * mix)[inner].max() < 2e-4


def test_a_long_song_is_heard_in_chunks(fake: SimpleNamespace) -> None:
    whole(DemucsSplitter(), song(20.0, RATE_HZ), RATE_HZ)
    assert max(fake.chunks) <= 4 * RATE_HZ
    assert len(fake.chunks) == math.ceil((20 - 1) / 3)


def test_weights_come_from_the_folder_alone(fake: SimpleNamespace, tmp_path: Path) -> None:
    DemucsSplitter()
    assert fake.repos == [("htdemucs", tmp_path)]


@pytest.mark.usefixtures("fake")
def test_absent_weights_are_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "htdemucs.yaml").unlink()
    with pytest.raises(Unavailable, match=r"htdemucs\.yaml.*into .*REMIXD_DEMUCS"):
        DemucsSplitter()
    (tmp_path / "htdemucs.yaml").write_text("broken")
    with pytest.raises(Unavailable, match="cannot be loaded: no model") as told:
        DemucsSplitter()
    assert "\n" not in str(told.value)


@pytest.mark.usefixtures("fake")
def test_a_folder_of_weights_that_cannot_be_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIXD_DEMUCS", "/" + "x" * 5000)
    with pytest.raises(Unavailable, match=r"^Demucs' weights in /x+ cannot be read: File name too long$"):
        DemucsSplitter()


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_that_gives_no_sound_is_refused(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    def diverge(_model: object, mix: Tensor, **_how: object) -> Tensor:
        return Tensor(np.stack([mix.values[0] * np.float32(value)] * 4)[None])

    monkeypatch.setattr(sys.modules["demucs.apply"], "apply_model", diverge)
    with pytest.raises(Unavailable, match="the Demucs model htdemucs gives what is no sound"):
        whole(DemucsSplitter(), song(0.5, RATE_HZ) + 0.1, RATE_HZ)


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Callable[[str], Any] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "demucs" else found(name))
    with pytest.raises(Unavailable, match=r"pip install 'remixd\[demucs\]'"):
        DemucsSplitter()


def test_demucs_itself_splits_with_random_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    htdemucs = pytest.importorskip("demucs.htdemucs", exc_type=ImportError)
    torch.manual_seed(1)
    sources = ["drums", "bass", "other", "vocals"]
    small = {"channels": 8, "depth": 4, "t_layers": 1, "t_heads": 1, "segment": 2, "bottom_channels": 8}
    model = htdemucs.HTDemucs(sources, **small)
    package = {"klass": type(model), "args": (sources,), "kwargs": small, "state": model.state_dict()}
    torch.save({**package, "training_args": {}}, tmp_path / "small.th")
    (tmp_path / "htdemucs.yaml").write_text("models: ['small']")
    monkeypatch.setenv("REMIXD_DEMUCS", str(tmp_path))
    monkeypatch.setattr(demucs, "_CHUNK_S", 4.0)
    monkeypatch.setattr(demucs, "_FADE_S", 1.0)
    splitter, mix = DemucsSplitter(), song(6.0, 48_000)
    assert splitter.roles == ("drums", "bass", "vocals")
    same, *parts = whole(splitter, mix, 48_000)
    np.testing.assert_array_equal(same, mix)
    again = whole(splitter, mix, 48_000, cut=7_919)
    for part, twin in zip(parts, again[1:], strict=True):
        assert part.shape == mix.shape
        assert np.isfinite(part).all()
        assert np.abs(part).max() > 0
        assert np.abs(part - twin).max() < 1e-3
