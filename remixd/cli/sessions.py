"""Commands of sessions: session create|list|show|delete, panic, listen, watch."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remixd.audience.arc import parse_arc
from remixd.cli._options import FILE, Seconds, daemon_option, json_option, sink_option
from remixd.cli._out import note, plain, print_json, print_table, progress
from remixd.cli._shelf import find_track
from remixd.cli._timeline import timeline_lines
from remixd.errors import InvalidInput, Unavailable
from remixd.mix import DIMENSIONS

if TYPE_CHECKING:
    from remixd.client import Answer, Clamp, Client, Session

WATCH_EVERY_S = 1.0
"""How often `watch` prints how a session stands, for a person."""


@click.group()
def session() -> None:
    """Songs that play now."""


@session.command("create")
@click.argument("track", required=False, metavar="[TRACK]")
@click.option("--directed", is_flag=True, help="Let the director move the mix, as all fans wish together.")
@sink_option
@click.option(
    "--preset",
    metavar="NAME[:WEIGHT],...",
    help="Where to start from, such as lo-fi:.5,stadium:.3; `remixd preset list` shows them.",
)
@click.option(
    "--arc",
    default="",
    metavar="SECONDS:ENERGY,...",
    help="How lively a directed session is to be over time, 0 to 1: 0:0.3,600:0.8.",
)
@click.option(
    "--exploring/--no-exploring",
    default=None,
    help="Whether a directed session may try out what fans might like.  [default: exploring]",
)
@click.option(
    "--stems", is_flag=True, help="Let its stems be listened to one by one, as far as rights allow."
)
@daemon_option
@json_option
def create_session(
    track: str | None,
    directed: bool,
    sink: str | None,
    preset: str | None,
    arc: str,
    exploring: bool | None,
    stems: bool,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Play a track.

    It plays at once, and starts over at its end. TRACK is an id, or the beginning of one; without it the
    decks are empty, and `remixd deck` loads them.
    """
    points = parse_arc(arc)
    from remixd.client import Client

    with Client(daemon) as client:
        if track is not None:
            track = find_track(track, client.track, lambda: (row.id for row in client.tracks())).id
        created = client.create_session(
            track,
            directed=directed,
            sink=sink,
            preset=preset,
            arc=points,
            exploring=exploring,
            stems=stems,
        )
    if as_json:
        print_json(created)
        return
    print(f"{created.id} plays {created.track}" if created.track else f"{created.id} has empty decks")
    _print_clamps(created.preset_clamps)


@session.command("list")
@daemon_option
@json_option
def list_sessions(daemon: str | None, as_json: bool) -> None:
    """List the sessions."""
    from remixd.client import Client

    with Client(daemon) as client:
        found = client.sessions()
    if as_json:
        print_json(found)
        return
    print_table(
        "no sessions: `remixd session create TRACK` starts one",
        ("id", "track", "state", "position", "bar:beat", "mix"),
        [
            (each.id, each.track, each.state, f"{each.position_s:.1f} s", each.bar_beat, _moved(each))
            for each in found
        ],
    )


@session.command("show")
@click.argument("session_id", required=False, metavar="[SESSION]")
@daemon_option
@json_option
def show_session(session_id: str | None, daemon: str | None, as_json: bool) -> None:
    """Show how a session stands.

    SESSION may be left out if there is only one.
    """
    from remixd.client import Client

    with Client(daemon) as client:
        found = client.session(session_id) if session_id is not None else _only(client)
    if as_json:
        print_json(found)
        return
    for name, value in plain(found).items():
        if name in ("mix", "wanted"):
            if value:
                print(f"{name}: " + ", ".join(f"{dimension} {level:g}" for dimension, level in value.items()))
        elif name == "authority":
            for dimension, holder in value.items():
                print(f"held: {dimension} ({holder})")
        elif name == "alarms":
            for alarm in value:
                print(f"alarm: {alarm}")
        elif name == "fans":
            if value:
                print(f"fans: {value}")
        elif name == "decks":
            for each in found.decks:
                print(f"deck {each.name}: {each.state} {each.track}".rstrip())
        elif name == "because":
            for why in value.values():
                print(f"because: {why}")
        elif name == "generated":
            for layer, how in value.items():
                print(f"generated: {layer}: {how}")
        elif name == "preset_clamps":
            _print_clamps(found.preset_clamps)
        elif value not in (None, ""):
            print(f"{name}: {value:.2f}" if isinstance(value, float) else f"{name}: {value}")


@session.command("delete")
@click.argument("session_id", metavar="SESSION")
@daemon_option
@json_option
def delete_session(session_id: str, daemon: str | None, as_json: bool) -> None:
    """End a session."""
    from remixd.client import Client

    with Client(daemon) as client:
        client.delete_session(session_id)
    if as_json:
        print_json({"id": session_id, "deleted": True})
    else:
        print(f"{session_id} ended")


@click.command()
@click.argument("session_id", metavar="SESSION")
@click.option("--wait", is_flag=True, help="Stay until it is in the sound.")
@daemon_option
@json_option
def panic(session_id: str, wait: bool, daemon: str | None, as_json: bool) -> None:
    """Bring the artist's own mix back.

    Within one bar, whatever else is going on. What fans wished before is forgotten; decks leave their loops,
    and their levels and channels rest.
    """
    from remixd.client import Client

    with Client(daemon) as client:
        answer = client.panic(session_id, wait=wait)
    if as_json:
        print_json(answer)
    else:
        print_answer(answer)


def _print_clamps(clamps: Iterable[Clamp]) -> None:
    for clamp in clamps:
        print(f"  {clamp.dimension}: {clamp.given:g} instead of {clamp.asked:g}: {clamp.because}")


def print_answer(answer: Answer) -> None:
    """What became of a signal or command, for a person."""
    print(f"{answer.id} accepted" + (" before, and counted once" if answer.duplicate else ""))
    if answer.understood:
        print(f"  understood: {answer.understood}")
    _print_clamps(answer.clamps)
    if answer.because:
        print(f"  {answer.because}")
    if answer.applied is not None:
        applied = answer.applied
        at = f" ({applied.bar_beat})" if applied.bar_beat else ""
        print(f"  applied from sample {applied.sample}{at}, settled at {applied.settled_sample}")
        if applied.because:
            print(f"  {applied.because}")


@click.command()
@click.argument("session_id", metavar="SESSION")
@click.option(
    "--seconds",
    type=Seconds(most=3600.0, above=True),
    required=True,
    help="How long to listen: at most an hour. A session with the sink file:PATH.wav has no such end.",
)
@click.option(
    "-o",
    "--out",
    type=FILE,
    required=True,
    metavar="OUT.wav|.flac|.opus|.ogg",
    help="Where to write the sound; with --stems a folder.",
)
@click.option(
    "--format",
    "wire_format",
    type=click.Choice(("f32", "s16", "flac", "opus")),
    help="What to be sent.  [default: by the suffix of OUT; f32 for .wav and for stems]",
)
@click.option("--bitrate", type=click.IntRange(min=1), metavar="KBIT", help="Of Opus.  [default: 128]")
@click.option("--stems", is_flag=True, help="Write the stems one by one, a .wav each, instead of the mix.")
@daemon_option
@json_option
def listen(
    session_id: str,
    seconds: float,
    out: Path,
    wire_format: str | None,
    bitrate: int | None,
    stems: bool,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Write what a session sounds like.

    From now on, on its clock: 48 kHz, stereo; as WAV and FLAC in 24 bits, or as Ogg Opus, as it was encoded
    for all who listen. What was missed is silence, and counted as a gap. If the session is lost, what was
    heard is kept. With --stems, of a session that was created with --stems, drums.wav, bass.wav and so on are
    each what is heard of it, in time with each other and the mix.
    """
    from remixd.cli._hearing import Hearing, format_of
    from remixd.client import Client
    from remixd.units import frames_from_seconds, seconds_from_frames

    wire_format = format_of(out, wire_format, stems=stems)
    hearing = Hearing(out, frames_from_seconds(seconds), stems=stems)
    with Client(daemon) as client:
        try:
            with (
                client.packets(
                    session_id,
                    seconds=seconds + client.timeout_s,
                    format=wire_format,
                    bitrate_bps=None if bitrate is None else bitrate * 1000,
                    stems=stems,
                ) as packets,
                progress(session_id) as on_progress,
            ):
                while not hearing.is_full and (packet := next(packets, None)) is not None:
                    hearing.add(packet)
                    done_s = seconds_from_frames(hearing.any.frames) if hearing.any else 0.0
                    on_progress(done_s / seconds, f"{done_s:.1f} of {seconds:g} s")
        finally:
            if hearing.any:
                hearing.save()
                if not hearing.is_full:
                    note(f"{out} holds the {seconds_from_frames(hearing.any.frames):.2f} s that were heard")
    if hearing.any is None:
        raise Unavailable(f"session {session_id} ended before anything was heard")
    heard = hearing.any.recording()
    if as_json:
        print_json({"first_sample": heard.first_sample, "frames": heard.frames, "gaps": heard.gaps})
    else:
        print(f"{out}: {heard.frames} frames from sample {heard.first_sample}, {heard.gaps} gaps")


@click.command()
@click.argument("session_id", metavar="SESSION")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.")
@click.option("--seconds", type=Seconds(above=True), help="End after so long.")
@click.option("--timeline", is_flag=True, help="Tell when the next beats are heard, and what else comes.")
@daemon_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON values, one event a line.")
def watch(
    session_id: str,
    count: int | None,
    seconds: float | None,
    timeline: bool,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Follow a session.

    Tells how it stands, what became of signals, and its loss. With --json every event is one JSON value on a
    line of its own, and its "event" is "status", "applied", "refused", "missed", "timeline",
    "reconnected" or "lost".
    """
    from remixd.client import Client, Lost

    with (
        Client(daemon) as client,
        client.watch(session_id, seconds=seconds, timeline=timeline) as events,
    ):
        shown = _json_events(events) if as_json else _told_events(events)
        for number, event in enumerate(shown, start=1):
            if isinstance(event, Lost):
                raise Unavailable(event.reason)
            if number == count:
                return


def _json_events(events: Iterator[Any]) -> Iterator[Any]:
    from remixd.client import Session

    for event in events:
        kind = "status" if isinstance(event, Session) else type(event).__name__.lower()
        print_json({"event": kind, **plain(event)}, lines=True)
        yield event


def _told_events(events: Iterator[Any]) -> Iterator[Any]:
    from remixd.client import Applied, Missed, Reconnected, Refused, Session, Timeline

    told_s = float("-inf")
    for event in events:
        if isinstance(event, Session):
            if time.monotonic() - told_s < WATCH_EVERY_S:
                continue
            told_s = time.monotonic()
            at = f" {event.bar_beat}" if event.bar_beat else ""
            print(f"{event.position_s:8.2f} s{at} {event.peak_db:6.1f} dB  {_moved(event)}", flush=True)
        elif isinstance(event, Applied):
            moves = ", ".join(f"{move.dimension}={move.value:g}" for move in event.moves)
            print(f"applied {event.id}: {moves} from sample {event.sample}", flush=True)
        elif isinstance(event, Refused):
            print(f"refused {event.id}: {event.reason}", flush=True)
        elif isinstance(event, Timeline):
            for line in timeline_lines(event):
                print(line, flush=True)
        elif isinstance(event, Missed):
            print(f"missed what became of {event.answers} signals", flush=True)
        elif isinstance(event, Reconnected):
            print(f"the daemon is there again, after {event.seconds:.1f} s", flush=True)
        yield event


def _moved(found: Session) -> str:
    """The dimensions that are not where the artist left them."""
    return " ".join(
        f"{name}={value:g}"
        for name, value in found.mix.items()
        if name not in DIMENSIONS or value != DIMENSIONS[name].neutral
    )


def _only(client: Client) -> Session:
    found = client.sessions()
    if len(found) != 1:
        raise InvalidInput(
            f"there are {len(found)} sessions: say which" if found else "there are no sessions"
        )
    return dataclasses.replace(found[0])
