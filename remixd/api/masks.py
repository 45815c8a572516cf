"""Read masks, as AIP-157 wants them: a caller names the fields that it wants of an answer."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from remixd.errors import InvalidInput, nearest

PATHS_MAX: Final = 64

M = TypeVar("M", bound=Message)


def check_mask(mask: FieldMask, kind: type[Message]) -> FieldMask | None:
    """A mask that fits messages of this kind; None for one that wants all: empty, or `*`.

    Raises InvalidInput for more than `PATHS_MAX` paths, or one that names no field.
    """
    if not mask.paths or list(mask.paths) == ["*"]:
        return None
    if len(mask.paths) > PATHS_MAX:
        raise InvalidInput(
            f"read_mask has {len(mask.paths)} paths; at most {PATHS_MAX} are taken", field="read_mask"
        )
    for path in mask.paths:
        _check_path(path, kind.DESCRIPTOR)
    return mask


def _check_path(path: str, descriptor: Any) -> None:  # its stubs know two kinds of them
    at = descriptor
    for name in path.split("."):
        if at is None:
            raise InvalidInput(f"read_mask: {path[:128]!r} goes into what has no fields", field="read_mask")
        field = at.fields_by_name.get(name)
        if field is None:
            hint = nearest(name[:128], at.fields_by_name)
            raise InvalidInput(f"read_mask: {at.name} has no field {name[:128]!r}: {hint}", field="read_mask")
        at = None if field.is_repeated else field.message_type


def masked(message: M, mask: FieldMask | None) -> M:
    """What of a message a mask lets through, itself if there is none. A path names a field with all in it."""
    if mask is None:
        return message
    left = type(message)()
    mask.MergeMessage(message, left)
    return left
