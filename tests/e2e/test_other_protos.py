"""Clients that were built against an older or a newer proto than the daemon's get along with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from fuzzing import PROTO, checker
from google.protobuf import descriptor_pb2 as pb
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.message_factory import GetMessageClassesForFiles
from processes import Daemon

OURS = "remixd/v1/"
KEPT = {
    "Session.mix",
    "Wish.value",
    "SendSignalsRequest.signals",
    "Signal.wishes",
    "WatchResponse.applied",
    "ListenResponse.packet",
}
"""What the story below needs beside the older half of each message."""


def drop_newer(message: pb.DescriptorProto) -> None:
    """Take the newer half of its fields out of a message, as before they were added."""
    if message.options.map_entry:
        return
    numbers = sorted(field.number for field in message.field)
    newer = set(numbers[(len(numbers) + 1) // 2 :])
    for field in list(message.field):
        if field.number in newer and f"{message.name}.{field.name}" not in KEPT:
            message.field.remove(field)
    left = sorted({field.oneof_index for field in message.field if field.HasField("oneof_index")})
    oneofs = [message.oneof_decl[index].name for index in left]  # one without a field is none
    del message.oneof_decl[:]
    for name in oneofs:
        message.oneof_decl.add(name=name)
    for field in message.field:
        if field.HasField("oneof_index"):
            field.oneof_index = left.index(field.oneof_index)


def add_news(message: pb.DescriptorProto) -> None:
    """Give a message a field that the daemon does not know."""
    if not message.options.map_entry:
        text, one = pb.FieldDescriptorProto.TYPE_STRING, pb.FieldDescriptorProto.LABEL_OPTIONAL
        message.field.add(name="brand_new", json_name="brandNew", number=18_999, type=text, label=one)


def messages(change: Callable[[pb.DescriptorProto], None]) -> dict[str, type[Any]]:
    """The messages of remixd.v1, of another version."""
    files: pb.FileDescriptorSet = checker().compiled(PROTO)
    pool = DescriptorPool()
    for file in files.file:
        for needed in file.dependency:
            if not needed.startswith(OURS):
                pool.AddSerializedFile(Default().FindFileByName(needed).serialized_pb)
        for message in file.message_type:
            change(message)
        file.ClearField("source_code_info")
    waiting = list(files.file)
    added: set[str] = set()
    while waiting:  # each after those that it needs
        file = next(f for f in waiting if all(d in added or not d.startswith(OURS) for d in f.dependency))
        pool.AddSerializedFile(file.SerializeToString())
        waiting.remove(file)
        added.add(file.name)
    return GetMessageClassesForFiles(sorted(added), pool)


VERSIONS = {"older": drop_newer, "newer": add_news}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_of_another_version_plays_a_song_and_changes_it(shared_daemon: Daemon, version: str) -> None:
    made = messages(VERSIONS[version])

    def new(name: str, **values: Any) -> Any:
        message = made[f"remixd.v1.{name}"](**values)
        if version == "newer":
            message.brand_new = "from tomorrow"
        return message

    with grpc.insecure_channel(shared_daemon.address) as channel:

        def call(method: str, *, stream: bool = False, **values: Any) -> Any:
            name = method.rpartition("/")[2]
            ask = (channel.unary_stream if stream else channel.unary_unary)(
                f"/remixd.v1.{method}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=made[f"remixd.v1.{name}Response"].FromString,
            )
            return ask(new(f"{name}Request", **values), timeout=60)

        [track] = call("Tracks/ListTracks").tracks
        session = call("Sessions/CreateSession", track=track.id).session.id
        watch = call("Sessions/Watch", session=session, stream=True)
        next(watch)
        signal = new("Signal", id="sig-1", fan="ann", wishes=[new("Wish", dimension="bass", value=-9.0)])
        [answer] = call("Audience/SendSignals", session=session, signals=[signal]).answers
        assert (answer.id, answer.accepted) == ("sig-1", True)
        assert next(each for each in watch if each.WhichOneof("event") == "applied").applied.id == "sig-1"
        listen = call("Sessions/Listen", session=session, stream=True)
        heard = [next(listen) for _ in range(5)]
        assert [each.WhichOneof("event") for each in heard] == ["format", *["packet"] * 4]
        watch.cancel()
        listen.cancel()
        assert call("Sessions/GetSession", session=session).session.mix["bass"] == -9.0
        call("Sessions/DeleteSession", session=session)
