"""Requests of any kind for any method, made from its descriptor, and the status codes of its comment."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from remixd.mix import DIMENSIONS
from remixd.v1 import audience_pb2, console_pb2, presets_pb2, sessions_pb2, stats_pb2, tracks_pb2

PROTO = Path(__file__).parents[1] / "proto"
FILES = (tracks_pb2, sessions_pb2, audience_pb2, console_pb2, presets_pb2, stats_pb2)
ANY_TIME = {"DEADLINE_EXCEEDED", "CANCELLED"}
"""What a caller brings about itself."""

DEPTH_MAX = 3

FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, float("nan"), float("inf"), -float("inf"), 120.0, 3600.0)
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), -1, 0, 1, 2, 7, 100, 1000, 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), -1, 0, 1, 48_000, 2**53, 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, 2**64 - 1),
}
WORDS = (
    "", " ", "A", "B", "1", "*", "id", "clock.sample", "drums", "vocals", "bass", "karaoke", "original",
    "chorus", "next", "stream", "null", "null:fast", "device:none", "8A", "c:/", "../..", "a" * 200,
    "é" * 300, "\u202e", "💃", "\x00", "\n", "more dreamy, less drums", "-1", "1e999",
    "'; DROP TABLE tracks; --",
)  # fmt: skip


class Call(NamedTuple):
    """A method, and what it is called with."""

    method: MethodDescriptor
    requests: list[Message]


def methods() -> list[MethodDescriptor]:
    """Every method of remixd.v1."""
    services = (service for file in FILES for service in file.DESCRIPTOR.services_by_name.values())
    return [method for service in services for method in service.methods]


def checker() -> ModuleType:
    """proto/check.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("check_protos", PROTO / "check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documented() -> Mapping[str, set[str]]:
    """By a method's full name, the status codes that its comment names, or its service's for all."""
    codes = {code.name for code in grpc.StatusCode}
    found = {}
    files: descriptor_pb2.FileDescriptorSet = checker().compiled(PROTO)
    for file in files.file:
        told = {tuple(each.path): each.leading_comments for each in file.source_code_info.location}
        for at, service in enumerate(file.service):
            for index, method in enumerate(service.method):
                text = told[6, at] + told[6, at, 2, index]
                named = set(re.findall(r"\b([A-Z_]+)(?=:)", text)) & codes
                found[f"{file.package}.{service.name}.{method.name}"] = named
    return found


def _words(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    known = st.sampled_from((*WORDS, *names, *sorted(DIMENSIONS)[:6]))
    return known | st.text(max_size=24)


def _values(field: FieldDescriptor, names: tuple[str, ...], depth: int) -> st.SearchStrategy[Any]:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return st.binary(max_size=24)
        case FieldDescriptor.CPPTYPE_STRING:
            return _words(names)
        case FieldDescriptor.CPPTYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.CPPTYPE_ENUM:
            known = [value.number for value in field.enum_type.values]
            return st.sampled_from((*known, *known, -1, 1000))
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return st.sampled_from(FLOATS) | st.floats()
        case FieldDescriptor.CPPTYPE_FLOAT:
            return st.floats(width=32)
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return requests(field.message_type, names, depth + 1)
    return st.sampled_from(INTEGERS[field.cpp_type])


def _fill(message: Message, field: FieldDescriptor, value: Any) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entries = getattr(message, field.name)
        for entry in value:
            if field.message_type.fields_by_name["value"].message_type is None:
                entries[entry.key] = entry.value
            else:
                entries[entry.key].CopyFrom(entry.value)
    elif field.is_repeated:
        getattr(message, field.name).extend(value)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


@st.composite
def requests(draw: st.DrawFn, descriptor: Descriptor, names: tuple[str, ...], depth: int = 0) -> Message:
    """A message of a kind: each field there or not, with values at the edges, or a name of something real."""
    message: Message = GetMessageClass(descriptor)()
    chosen = {oneof.name: draw(st.sampled_from(list(oneof.fields))).name for oneof in descriptor.oneofs}
    for field in descriptor.fields:
        is_message = field.message_type is not None
        if field.containing_oneof is not None and chosen[field.containing_oneof.name] != field.name:
            continue
        if (is_message and depth >= DEPTH_MAX) or draw(st.integers(0, 4)) == 0:
            continue
        values = _values(field, names, depth)
        _fill(message, field, draw(st.lists(values, max_size=3) if field.is_repeated else values))
    return message


@st.composite
def calls(draw: st.DrawFn, method: MethodDescriptor, names: tuple[str, ...]) -> Call:
    """What a method may be called with; of a stream up to four messages, mostly begun as it wants."""
    one = requests(method.input_type, names)
    if not method.client_streaming:
        return Call(method, [draw(one)])
    sent = draw(st.lists(one, max_size=4))
    if names and draw(st.integers(0, 3)):
        sent.insert(0, _beginning(method, names[0]))
    return Call(method, sent)


def _beginning(method: MethodDescriptor, session: str) -> Message:
    first = GetMessageClass(method.input_type)()
    if method.name == "Perform":
        first.attach.session = session
    else:
        first.session = session
    return first
