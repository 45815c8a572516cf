"""Pages of a list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.api.pages import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, cut_page
from remixd.errors import InvalidInput

names = st.lists(st.text(max_size=6), unique=True, max_size=40)


def key(name: str) -> tuple[str, str]:
    return name.casefold(), name


@given(names=names, size=st.integers(1, 12))
def test_pages_hold_everything_once_and_in_order(names, size):
    found, token = [], ""
    while True:
        page, token = cut_page(names, key, size, token)
        assert len(page) <= size
        found += page
        if not token:
            break
    assert found == sorted(names, key=key)


@given(names=names.filter(lambda found: len(found) > 3), data=st.data())
def test_what_comes_and_goes_between_pages_neither_repeats_nor_hides_the_rest(names, data):
    page, token = cut_page(names, key, 2, "")
    gone = data.draw(st.sets(st.sampled_from(names)))
    come = data.draw(st.sets(st.text(max_size=6)))
    later = (set(names) - gone) | come
    rest, _ = cut_page(later, key, 1000, token)
    assert set(names) - gone - set(page) <= set(rest)
    assert not set(rest) & set(page)


def test_a_page_is_of_the_default_size_unless_asked_and_never_beyond_the_limit():
    many = [f"{number:05d}" for number in range(PAGE_SIZE_MAX + 10)]
    assert len(cut_page(many, key, 0, "")[0]) == PAGE_SIZE_DEFAULT
    assert len(cut_page(many, key, PAGE_SIZE_MAX + 5, "")[0]) == PAGE_SIZE_MAX


def test_a_negative_size_is_refused():
    with pytest.raises(InvalidInput, match="page_size is -1"):
        cut_page(["a"], key, -1, "")


@given(token=st.text(min_size=1, max_size=30))
def test_a_token_from_elsewhere_is_refused(token):
    with pytest.raises(InvalidInput, match="page_token"):
        cut_page(["a", "b"], key, 1, token)


def test_a_token_of_another_list_is_refused():
    _, token = cut_page(["a", "b"], lambda name: (name,), 1, "")
    with pytest.raises(InvalidInput, match="page_token"):
        cut_page(["a", "b"], key, 1, token)
