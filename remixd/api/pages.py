"""Pages of a list, as AIP-158 wants them: they stay right while the list changes."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from remixd.errors import InvalidInput

PAGE_SIZE_DEFAULT: Final = 100
PAGE_SIZE_MAX: Final = 1000

Key = tuple[str, ...]
T = TypeVar("T")


def _token(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _key(token: str, length: int) -> Key:
    try:
        parts = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        parts = None
    if (
        not isinstance(parts, list)
        or len(parts) != length
        or not all(isinstance(part, str) for part in parts)
    ):
        raise InvalidInput("page_token is not one that this method gave", field="page_token")
    return tuple(parts)


def cut_page(
    items: Iterable[T], key: Callable[[T], Key], page_size: int, page_token: str
) -> tuple[list[T], str]:
    """Cut one page out of `items`, in the order of their keys.

    A token holds the key of the last item given, so that items added or deleted between two pages
    neither repeat nor hide others.

    Args:
        items: all there are, in any order.
        key: gives each item a key of its own, always of the same length.
        page_size: 0 for `PAGE_SIZE_DEFAULT`; more than `PAGE_SIZE_MAX` gives that many.
        page_token: empty for the first page.

    Returns:
        The page, and the token of the next one: empty after the last.

    Raises InvalidInput if `page_size` is negative or `page_token` is not one of this list's.
    """
    if page_size < 0:
        raise InvalidInput(f"page_size is {page_size}; it must be 0 or more", field="page_size")
    size = min(page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
    ordered = sorted(((key(item), item) for item in items), key=lambda pair: pair[0])
    if page_token and ordered:
        after = _key(page_token, len(ordered[0][0]))
        ordered = [pair for pair in ordered if pair[0] > after]
    page = ordered[:size]
    more = len(ordered) > size
    return [item for _, item in page], _token(page[-1][0]) if more else ""
