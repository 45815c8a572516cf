"""Sentences likened to moods: with a double of the embeddings, and without any."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from remixd.audience import similarity
from remixd.audience.vocabulary import EXPLAINED


class BagOfWords:
    """Embeddings of which each dimension counts a word."""

    loaded = 0

    @classmethod
    def load(cls, *, cache_dir, disable_download):
        assert disable_download
        assert cache_dir.name == "package"
        cls.loaded += 1
        return cls()

    def embed(self, texts, *, norm):
        assert norm
        known = sorted({word for said in EXPLAINED.values() for each in said for word in each.split()})
        counts = np.array([[text.split().count(word) for word in known] for text in texts], np.float64)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


@pytest.fixture(autouse=True)
def _fresh():
    similarity.load.cache_clear()
    yield
    similarity.load.cache_clear()


def test_without_the_extra_no_text_has_a_mood(monkeypatch):
    monkeypatch.setitem(sys.modules, "wordllama", None)
    assert similarity.load()("floating in the clouds") is None


def test_a_sentence_near_one_mood_has_it_and_others_have_none(monkeypatch):
    package = SimpleNamespace(WordLlama=BagOfWords, __file__="/somewhere/package/__init__.py")
    monkeypatch.setitem(sys.modules, "wordllama", package)
    mood_of = similarity.load()
    assert similarity.load() is mood_of
    assert BagOfWords.loaded == 1
    assert mood_of("floating in the clouds tonight") == "dreamy"
    assert mood_of("quarterly reports and other papers of a company") is None
    assert mood_of("") is None
    assert mood_of("sad heavy and aggressive") == "heavy"
    assert mood_of("sad energetic") is None  # as near to one as to the other
