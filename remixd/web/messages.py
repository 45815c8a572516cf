"""Messages as JSON: the protos' canonical mapping, and binary frames for what JSON would blow up."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, status_pb2

from remixd.errors import InvalidInput

MESSAGE_BYTES_MAX: Final = 1 << 20
"""As of gRPC's requests: a full batch of signals fits well."""

DEPTH_MAX: Final = 32
"""No message of ours nests half as deep."""

KEPT_MAX: Final = 256
ALIGNED: Final = 4
HEADER: Final = struct.Struct("<II")
"""Of a binary frame: the call, and how many bytes of JSON follow."""

FAULTS: Final = (
    json_format.ParseError, ValueError, TypeError, OverflowError, AttributeError, RecursionError,
)  # fmt: skip
"""What json_format raises."""

_CHAIN: Final = re.compile(r"Failed to parse \w+ field: ")
_PLACE: Final = re.compile(r' at "?\w+\.[\w.\[\]]+"?')

K = TypeVar("K", bound=Message)


def parse(text: str | bytes) -> Any:
    """Read JSON. Raises InvalidInput for what is none, too deep, or names a key twice."""
    if len(text) > MESSAGE_BYTES_MAX:
        raise InvalidInput(f"a message has at most {MESSAGE_BYTES_MAX} bytes")
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise InvalidInput(f"JSON nests at most {DEPTH_MAX} deep here") from None
    except ValueError as error:  # of JSON and of Unicode too
        raise InvalidInput(f"this is no JSON: {str(error)[:200]}") from None
    if _is_too_deep(data):
        raise InvalidInput(f"JSON nests at most {DEPTH_MAX} deep here")
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names a key twice")
    return found


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _is_too_deep(data: Any) -> bool:
    level = [data]
    for _ in range(DEPTH_MAX):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def message_of(kind: type[K], data: Any) -> K:
    """A message from its JSON. Raises InvalidInput that names the field which is at fault."""
    if not isinstance(data, dict):
        raise InvalidInput("a request is a JSON object", field="request")
    try:
        return json_format.ParseDict(data, kind())
    except FAULTS as error:
        path, what = _fault(kind, data, "") or ("request", _told(error))
        raise InvalidInput(f"{path}: {what}", field=path) from None


def _fault(kind: type[Message], data: Any, path: str) -> tuple[str, str] | None:
    """The path of the first field at fault, and what is wrong with it; None if none is by itself.

    json_format tells the path of some faults and not of others.
    """
    if not isinstance(data, dict):
        return path, "it is a JSON object"
    fields = {name: field for field in kind.DESCRIPTOR.fields for name in (field.name, field.json_name)}
    for key, value in data.items():
        try:
            json_format.ParseDict({key: value}, kind())
        except FAULTS as error:
            here = f"{path}.{key[:80]}" if path else key[:80]
            if (field := fields.get(key)) is None:
                return here, "there is no such field"
            return _fault_within(field, value, here) or (here, _told(error))
    return None


def _fault_within(field: Any, value: Any, path: str) -> tuple[str, str] | None:
    """Of a field that is at fault: what within it is."""
    inner = field.message_type
    if inner is None or inner.GetOptions().map_entry or inner.full_name.startswith("google."):
        return None
    if not isinstance(value, list):
        return _fault(GetMessageClass(inner), value, path)
    for index, each in enumerate(value):
        if found := _fault(GetMessageClass(inner), each, f"{path}[{index}]"):
            return found
    return None


def _told(error: Exception) -> str:
    """What json_format says of one field, without where."""
    text = _CHAIN.sub("", str(error).partition("\n")[0])
    return _PLACE.sub("", text).rstrip(". ")[:200]


def status_json(status: status_pb2.Status) -> dict[str, Any]:
    """A status as callers read it: `code` by its name, `message`, `details`."""
    told: dict[str, Any] = {"code": code_pb2.Code.Name(status.code)}
    if status.message:
        told["message"] = status.message
    if status.details:
        told["details"] = json_format.MessageToDict(status)["details"]
    return told


def dumps(data: Any) -> str:
    """JSON as it is sent."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message's JSON, and the bytes of its fields that are bytes."""

    json: str
    blob: bytes

    def frame(self, call: int) -> str | bytes:
        """What is sent of a response to a call: text, or a binary frame where there are bytes.

        A binary frame is, little-endian: 4 bytes, the call; 4 bytes, the length of the JSON that follows,
        which is padded with spaces to a multiple of 4; the JSON of the response; what its bytes fields hold.
        In this JSON a field of bytes is `[offset, length]` in what comes after it.
        """
        if not self.blob:
            return f'{{"call":{call},"response":{self.json}}}'
        told = self.json.encode()
        told += b" " * (-len(told) % ALIGNED)
        return HEADER.pack(call, len(told)) + told + self.blob


class Encoder:
    """Makes JSON of messages; of one that many are sent, and which comes serialised, once."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[bytes, Encoded]] = {}

    def encode(self, kind: type[Message], response: Message | bytes) -> Encoded:
        """The JSON of a response of this kind, serialised or not."""
        if isinstance(response, Message):
            return encode(response)
        kept = self._kept.get(id(response))  # what is kept keeps its id
        if kept is not None:
            return kept[1]
        encoded = encode(kind.FromString(response))
        if len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[id(response)] = (response, encoded)
        return encoded


def encode(message: Message) -> Encoded:
    """The JSON of a message, its bytes apart."""
    told = json_format.MessageToDict(message)
    blobs: list[bytes] = []
    if _has_bytes(message.DESCRIPTOR):
        _take_bytes(message, told, blobs)
    return Encoded(dumps(told), b"".join(blobs))


def _take_bytes(message: Message, told: dict[str, Any], blobs: list[bytes]) -> None:
    """Put what bytes fields hold into `blobs`, each padded, and where it is there into `told`."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_BYTES:
            several = _is_repeated(value)
            places = [_place(each, blobs) for each in (value if several else [value])]
            told[field.json_name] = places if several else places[0]
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            if isinstance(value, Message):
                _take_bytes(value, told[field.json_name], blobs)
                continue
            for each, its in zip(value, told[field.json_name], strict=True):
                _take_bytes(each, its, blobs)


def _is_repeated(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, bytes)


def _place(value: bytes, blobs: list[bytes]) -> list[int]:
    offset = sum(map(len, blobs))
    blobs.append(value + b"\0" * (-len(value) % ALIGNED))
    return [offset, len(value)]


_BYTES_KNOWN: dict[str, bool] = {}


def _has_bytes(descriptor: Any) -> bool:
    """Whether a message or any within it has a field of bytes."""
    known = _BYTES_KNOWN.get(descriptor.full_name)
    if known is None:
        _BYTES_KNOWN[descriptor.full_name] = False  # while it is looked at: a message may hold its own kind
        known = any(
            field.type == FieldDescriptor.TYPE_BYTES
            or (
                field.message_type is not None
                and not field.message_type.full_name.startswith("google.")
                and _has_bytes(field.message_type)
            )
            for field in descriptor.fields
        )
        _BYTES_KNOWN[descriptor.full_name] = known
    return known
