"""The check of the protos: it sees what breaks who was built before, and lets pass what does not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

PATH = Path(__file__).parents[1] / "proto" / "check.py"
spec = importlib.util.spec_from_file_location("check_protos", PATH)
check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check)

PROTO = """
syntax = "proto3";
package shop;
// Sells.
service Shop {
  // One.
  rpc Buy(BuyRequest) returns (BuyResponse);
}
// Hues.
enum Hue { HUE_UNSPECIFIED = 0; HUE_RED = 1; }
// A thing.
message Thing {
  // Its name.
  string name = 1;
  // Its price, in cents.
  optional int32 price = 2;
  reserved 7;
  oneof of {
    // A hue.
    Hue hue = 3;
    // A weight, in grams.
    double weight = 4;
  }
}
message BuyRequest {
  // Things by name.
  map<string, Thing> things = 1;
}
message BuyResponse {}
"""


def compile_text(folder, text):
    (folder / "shop.proto").write_text(text)
    return check.compiled(folder)


@pytest.fixture(scope="module")
def released():
    return check.compiled(PATH.parent)


@pytest.fixture
def shop(tmp_path):
    return compile_text(tmp_path, PROTO)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("rpc Buy(", "rpc Sell(", "method shop.Shop.Buy is gone"),
        ("returns (BuyResponse)", "returns (stream BuyResponse)", "server_streaming was False"),
        ("rpc Buy(BuyRequest)", "rpc Buy(Thing)", "input_type"),
        ("service Shop", "service Store", "service shop.Shop is gone"),
        ("HUE_RED = 1", "HUE_BLUE = 1", "1 was HUE_RED, is HUE_BLUE"),
        ("HUE_RED = 1", "HUE_RED = 2", "HUE_RED = 1 is gone"),
        ("string name = 1", "string title = 1", "the name was name, is title"),
        ("string name = 1", "bytes name = 1", "the type was TYPE_STRING, is TYPE_BYTES"),
        ("string name = 1", "repeated string name = 1", "the label"),
        ("string name = 1", "string name = 9", "its number 1 and name are not reserved"),
        ("string name = 1", "string name = 7", "number 7 of one that is gone"),
        ("optional int32", "int32", "presence was True"),
        (
            "// A weight, in grams.\n    double weight = 4;\n  }",
            "}\n  double weight = 4;",
            "the oneof was of",
        ),
        ("map<string, Thing>", "map<string, Hue>", "the type was"),
        ("reserved 7;", "reserved 1; reserved 'name';", None),
        ("reserved 7;", "reserved 7; int64 more = 8;", None),
        ("HUE_RED = 1;", "HUE_RED = 1; HUE_BLUE = 2;", None),
        ("message BuyResponse {}", "message BuyResponse { string note = 1; }", None),
    ],
)
def test_what_breaks_is_told_and_what_does_not_passes(shop, tmp_path, before, after, told):
    assert before in PROTO
    text = PROTO.replace(before, after)
    if "number 7" in (told or ""):
        text = text.replace("reserved 7;", "")
    if "reserved 1" in after:
        text = text.replace("  // Its name.\n  string name = 1;\n", "")
    faults = check.breaking(shop, compile_text(tmp_path, text))
    if told is None:
        assert faults == []
    else:
        assert any(told in fault for fault in faults), faults


def test_what_has_no_comment_is_told(tmp_path):
    bare = "\n".join(line for line in PROTO.splitlines() if "//" not in line)
    faults = check.uncommented(compile_text(tmp_path, bare))
    named = {fault.removesuffix(" has no comment") for fault in faults}
    assert named == {
        "Shop", "Shop.Buy", "Hue", "Thing", "Thing.name", "Thing.price", "Thing.hue", "Thing.weight",
        "BuyRequest.things",
    }  # fmt: skip


def test_ours_are_commented_and_break_nobody(released):
    last = pb.FileDescriptorSet.FromString(check.RELEASED.read_bytes())
    assert check.uncommented(released) == []
    assert check.breaking(last, released) == []
    assert {"remixd.v1.Tracks", "remixd.v1.Sessions", "remixd.v1.Audience"} <= set(check._services(last))


@settings(max_examples=40)
@given(data=st.data())
def test_any_field_that_goes_or_changes_is_told(released, data):
    changed = pb.FileDescriptorSet.FromString(released.SerializeToString())
    messages = [each for file in changed.file for each in file.message_type if each.field]
    message = data.draw(st.sampled_from(messages))
    field = data.draw(st.sampled_from(list(message.field)))
    match data.draw(st.sampled_from(["delete", "rename", "retype", "renumber"])):
        case "delete":
            message.field.remove(field)
        case "rename":
            field.name += "_new"
        case "retype":
            is_text = field.type == pb.FieldDescriptorProto.TYPE_STRING
            field.type = (
                pb.FieldDescriptorProto.TYPE_INT32 if is_text else pb.FieldDescriptorProto.TYPE_STRING
            )
            field.ClearField("type_name")
        case "renumber":
            field.number += 1000
    assert check.breaking(released, changed)
    assert not check.breaking(released, released)
