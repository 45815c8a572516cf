"""Which mood a sentence is similar to, by the embeddings that the extra `remixd[text]` brings.

The package `wordllama` carries its weights in its wheel (16 MB: one vector a token, averaged): nothing is
downloaded. Averages know what a sentence is about, but not which way ("louder", "quieter"): they are asked
for moods only. Thread: [control]; `load` blocks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from remixd.audience.vocabulary import EXPLAINED

LEAST: Final = 0.45
"""Cosine from which on sentences are similar: of 40 about other things, one came above .3, to .38."""

AHEAD: Final = 0.05
"""How far the nearest mood must be ahead of the next one."""

KEPT_MAX: Final = 4096


@lru_cache(maxsize=1)
def load() -> Callable[[str], str | None]:
    """What tells the mood of a text, or None of one that is similar to none; of any, without the extra.

    Takes half a second and 80 MB, once.
    """
    try:
        package: Any = importlib.import_module("wordllama")
    except ImportError:
        return lambda _: None
    # The package looks for its own tokenizer in the wrong folder, and would download it.
    model = package.WordLlama.load(cache_dir=Path(package.__file__).parent, disable_download=True)
    sentences = [(mood, sentence) for mood, said in EXPLAINED.items() for sentence in said]
    vectors = np.asarray(model.embed([sentence for _, sentence in sentences], norm=True))

    @lru_cache(maxsize=KEPT_MAX)
    def mood_of(text: str) -> str | None:
        best: dict[str, float] = {}
        likeness = vectors @ np.asarray(model.embed([text], norm=True))[0]
        for (mood, _), value in zip(sentences, likeness.tolist(), strict=True):
            best[mood] = max(best.get(mood, -1.0), value)
        (first, nearest), (_, second), *_ = sorted(best.items(), key=lambda pair: -pair[1])
        return first if nearest >= LEAST and nearest - second >= AHEAD else None

    return mood_of
