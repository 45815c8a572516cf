"""Checks the protos: every part has a comment, and nothing breaks who was built against the last release.

    python proto/check.py              tells every fault, a line each, and ends with 1 if there is one
    python proto/check.py --release    takes the protos as they are for the last release

Beyond the wire, names count as well: remixd also speaks the protos' JSON.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import grpc_tools
from google.protobuf import descriptor_pb2 as pb
from grpc_tools import protoc

HERE: Final = Path(__file__).resolve().parent
RELEASED: Final = HERE / "released" / "remixd.v1.binpb"
"""The descriptors of the last release, without comments."""

_FILE_MESSAGES, _FILE_ENUMS, _FILE_SERVICES = 4, 5, 6
_MESSAGE_FIELDS, _MESSAGE_NESTED, _MESSAGE_ENUMS = 2, 3, 4
_SERVICE_METHODS = 2

_Type: Final = pb.FieldDescriptorProto.Type
_Label: Final = pb.FieldDescriptorProto.Label


N = TypeVar("N")


def compiled(folder: Path) -> pb.FileDescriptorSet:
    """What the protos under `folder` describe, with comments. Raises ValueError if they do not compile."""
    sources = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as made:
        out = Path(made) / "set.binpb"
        ours = Path(grpc_tools.__file__).parent / "_proto"
        arguments = [
            "protoc",
            f"-I{folder}",
            f"-I{ours}",
            f"--descriptor_set_out={out}",
            "--include_source_info",
        ]
        if protoc.main([*arguments, *sources]) != 0:
            raise ValueError("the protos do not compile")
        return pb.FileDescriptorSet.FromString(out.read_bytes())


def uncommented(files: pb.FileDescriptorSet) -> list[str]:
    """What has no comment: services, methods, enums, fields, and messages that are not a method's own."""
    missing = []
    for file in files.file:
        told = {tuple(each.path) for each in file.source_code_info.location if each.leading_comments.strip()}
        missing += [name for path, name in _parts(file) if path not in told]
    return [f"{name} has no comment" for name in missing]


def _parts(file: pb.FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Every part that wants a comment, by its path in the descriptor (`SourceCodeInfo.Location.path`)."""
    for at, service in enumerate(file.service):
        yield (_FILE_SERVICES, at), service.name
        for index, method in enumerate(service.method):
            yield (_FILE_SERVICES, at, _SERVICE_METHODS, index), f"{service.name}.{method.name}"
    for at, enum in enumerate(file.enum_type):
        yield (_FILE_ENUMS, at), enum.name
    for at, message in enumerate(file.message_type):
        yield from _of_message((_FILE_MESSAGES, at), message, "")


def _of_message(
    path: tuple[int, ...], message: pb.DescriptorProto, owner: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    if message.options.map_entry:
        return
    name = owner + message.name
    if not name.endswith(("Request", "Response")):  # the comment of their method is theirs
        yield path, name
    for index, field in enumerate(message.field):
        yield (*path, _MESSAGE_FIELDS, index), f"{name}.{field.name}"
    for index, enum in enumerate(message.enum_type):
        yield (*path, _MESSAGE_ENUMS, index), f"{name}.{enum.name}"
    for index, nested in enumerate(message.nested_type):
        yield from _of_message((*path, _MESSAGE_NESTED, index), nested, f"{name}.")


def breaking(old: pb.FileDescriptorSet, new: pb.FileDescriptorSet) -> list[str]:
    """What who was built against `old` would miss, or read wrongly, in `new`."""
    faults: list[str] = []
    for name, was_service, now_service in _pairs(_services(old), _services(new), _gone("service", faults)):
        _compare_methods(name, was_service, now_service, faults)
    for name, was_message, now_message in _pairs(_messages(old), _messages(new), _gone("message", faults)):
        _compare_fields(name, was_message, now_message, faults)
    for name, was_enum, now_enum in _pairs(_enums(old), _enums(new), _gone("enum", faults)):
        _compare_values(name, was_enum, now_enum, faults)
    return faults


def _gone(kind: str, faults: list[str]) -> Callable[[str], None]:
    return lambda name: faults.append(f"{kind} {name} is gone")


def _pairs(
    old: Mapping[str, N], new: Mapping[str, N], missing: Callable[[str], None]
) -> Iterator[tuple[str, N, N]]:
    for name, was in old.items():
        if name in new:
            yield name, was, new[name]
        else:
            missing(name)


def _services(files: pb.FileDescriptorSet) -> dict[str, pb.ServiceDescriptorProto]:
    return {f"{file.package}.{each.name}": each for file in files.file for each in file.service}


def _messages(files: pb.FileDescriptorSet) -> dict[str, pb.DescriptorProto]:
    found: dict[str, pb.DescriptorProto] = {}

    def walk(owner: str, messages: Iterable[pb.DescriptorProto]) -> None:
        for message in messages:
            found[f"{owner}.{message.name}"] = message
            walk(f"{owner}.{message.name}", message.nested_type)

    for file in files.file:
        walk(file.package, file.message_type)
    return found


def _enums(files: pb.FileDescriptorSet) -> dict[str, pb.EnumDescriptorProto]:
    found = {f"{file.package}.{each.name}": each for file in files.file for each in file.enum_type}
    for name, message in _messages(files).items():
        found |= {f"{name}.{each.name}": each for each in message.enum_type}
    return found


def _compare_methods(
    name: str, old: pb.ServiceDescriptorProto, new: pb.ServiceDescriptorProto, faults: list[str]
) -> None:
    was_called = {each.name: each for each in old.method}
    is_called = {each.name: each for each in new.method}
    gone = _gone("method", faults)
    for method, was, now in _pairs(was_called, is_called, lambda each: gone(f"{name}.{each}")):
        for what in ("input_type", "output_type", "client_streaming", "server_streaming"):
            if getattr(was, what) != getattr(now, what):
                faults.append(f"{name}.{method}: {what} was {getattr(was, what)}, is {getattr(now, what)}")


def _compare_fields(name: str, old: pb.DescriptorProto, new: pb.DescriptorProto, faults: list[str]) -> None:
    free = {
        number
        for each in new.reserved_range
        for number in range(each.start, min(each.end, each.start + 4096))
    }
    now_numbered = {each.number: each for each in new.field}
    for was in old.field:
        now = now_numbered.get(was.number)
        if now is None:
            if was.number not in free or was.name not in new.reserved_name:
                faults.append(
                    f"{name}.{was.name} is gone, and its number {was.number} and name are not reserved"
                )
            continue
        for what, before, after in _traits(was, old, now, new):
            if before != after:
                faults.append(f"{name}.{was.name}: {what} was {before}, is {after}")
    for reserved in old.reserved_range:
        for number in now_numbered.keys() & set(
            range(reserved.start, min(reserved.end, reserved.start + 4096))
        ):
            faults.append(f"{name}.{now_numbered[number].name} has the number {number} of one that is gone")


def _traits(
    was: pb.FieldDescriptorProto,
    old: pb.DescriptorProto,
    now: pb.FieldDescriptorProto,
    new: pb.DescriptorProto,
) -> Sequence[tuple[str, str, str]]:
    """What a field must keep: its name, before and after."""
    return (
        ("the name", was.name, now.name),
        ("the JSON name", was.json_name, now.json_name),
        ("the type", _type(was), _type(now)),
        ("the label", _Label.Name(was.label), _Label.Name(now.label)),
        ("presence", str(was.proto3_optional), str(now.proto3_optional)),
        ("the oneof", _oneof(was, old), _oneof(now, new)),
    )


def _type(field: pb.FieldDescriptorProto) -> str:
    return field.type_name or _Type.Name(field.type)


def _oneof(field: pb.FieldDescriptorProto, message: pb.DescriptorProto) -> str:
    if not field.HasField("oneof_index") or field.proto3_optional:
        return "none"
    return message.oneof_decl[field.oneof_index].name


def _compare_values(
    name: str, old: pb.EnumDescriptorProto, new: pb.EnumDescriptorProto, faults: list[str]
) -> None:
    now_numbered = {each.number: each.name for each in new.value}
    for was in old.value:
        now = now_numbered.get(was.number)
        if now is None:
            faults.append(f"{name}: {was.name} = {was.number} is gone")
        elif now != was.name:
            faults.append(f"{name}: {was.number} was {was.name}, is {now}")


def release(files: pb.FileDescriptorSet) -> None:
    """Take `files` for the last release."""
    bare = pb.FileDescriptorSet.FromString(files.SerializeToString())
    for file in bare.file:
        file.ClearField("source_code_info")
    RELEASED.parent.mkdir(exist_ok=True)
    RELEASED.write_bytes(bare.SerializeToString(deterministic=True))


def main(arguments: Sequence[str]) -> int:
    """Check, or release; returns the exit code."""
    if list(arguments) not in ([], ["--release"]):
        print(__doc__, file=sys.stderr)
        return 2
    files = compiled(HERE)
    faults = uncommented(files)
    if not arguments:
        faults += breaking(pb.FileDescriptorSet.FromString(RELEASED.read_bytes()), files)
    for fault in faults:
        print(fault, file=sys.stderr)
    if arguments and not faults:
        release(files)
    return min(len(faults), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
