"""The command that renders a track, or a session from its journal, to a file, without a daemon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remixd.cli._options import FILE, Seconds, daemon_option, json_option, library_option
from remixd.cli._out import note, print_json, progress
from remixd.cli._shelf import OnProgress, find_track
from remixd.config import library_chosen, library_path
from remixd.director.blend import Blend, WeightedRack, parse_weights
from remixd.director.preset_files import load_blend
from remixd.errors import InvalidInput, NotFound
from remixd.mix import NEUTRAL, Mix, parse_wishes
from remixd.units import RATE_HZ, frames_from_seconds, seconds_from_frames

if TYPE_CHECKING:
    from remixd.control.command import Clamp
    from remixd.track.package import Track

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


@click.command()
@click.argument("track_id", metavar="[TRACK]", default="")
@click.option("--journal", type=FILE, metavar="FILE", help="Play a session again, from its journal.")
@click.option(
    "--mix", "mix_text", default="", metavar="D=V,...", help="Such as tempo=1.1,pitch=2,vocals=-60."
)
@click.option(
    "--preset", "preset_text", default="", metavar="NAME[:WEIGHT],...", help="As in lo-fi:.5,stadium."
)
@click.option("--start", type=Seconds(), default=0.0, show_default=True, help="Where in the song to begin.")
@click.option("--from", "from_s", type=Seconds(), help="Where in the session to begin, with --journal.")
@click.option("--seconds", type=Seconds(above=True), help="How much to write.  [default: to the end]")
@click.option("-o", "--out", type=FILE, required=True, metavar="OUT.(wav|flac|ogg|mp3)")
@library_option
@daemon_option
@json_option
def render(
    track_id: str,
    journal: Path | None,
    mix_text: str,
    preset_text: str,
    start: float,
    from_s: float | None,
    seconds: float | None,
    out: Path,
    library: Path | None,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Render a track to a file, in a preset and a mix; or a session, with --journal, as it was heard.

    No daemon is needed. TRACK is an id, or the beginning of one. What --mix names is not left to the presets.
    The rights of the track clamp both.
    """
    if bool(track_id) == bool(journal):
        raise click.UsageError("name a TRACK, or a session's --journal")
    wishes = parse_wishes([text for text in mix_text.split(",") if text.strip()])
    presets = load_blend(parse_weights(preset_text) if preset_text else {})
    if out.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"{out} must end in one of {', '.join(SUFFIXES)}")
    if not out.absolute().parent.is_dir():
        raise NotFound(f"there is no folder {out.absolute().parent}")
    if journal:
        if wishes or presets.weights or start:
            raise click.UsageError("a --journal has its own mixes; where to begin in it is --from")
        _render_journal(journal, library, from_s or 0.0, seconds, out, as_json)
        return
    if from_s is not None:
        raise click.UsageError("--from is of a --journal; where to begin in a song is --start")
    _render_track(track_id, presets, wishes, start, seconds, out, library, daemon, as_json)


def _render_journal(
    path: Path, library: Path | None, start_s: float, seconds: float | None, out: Path, as_json: bool
) -> None:
    from remixd.cli._replaying import write_replay

    with progress(path.name) as on_progress:
        replayed = write_replay(path, library_chosen(library), start_s, seconds, out, on_progress)
    for text in replayed.notes:
        note(text)
    answer = {
        "session": replayed.session,
        "frames": replayed.frames,
        "seconds": seconds_from_frames(replayed.frames),
        "exact": replayed.is_exact,
        "notes": replayed.notes,
        "out": str(out),
    }
    if as_json:
        print_json(answer)
        return
    how = "bit for bit" if replayed.is_exact else "not bit for bit"
    print(f"{out}: {answer['seconds']:.2f} s of session {replayed.session}, {how}")


def _render_track(
    track_id: str,
    presets: Blend,
    wishes: dict[str, float],
    start: float,
    seconds: float | None,
    out: Path,
    library: Path | None,
    daemon: str | None,
    as_json: bool,
) -> None:
    from remixd.control.preset_plugins import with_plugins
    from remixd.track.library import Library

    folder = _library_of(track_id, library, daemon)
    with Library(folder) as opened:
        track = find_track(track_id, opened.get, lambda: (row.id for row in opened.tracks()))
    track.check_export()
    if start >= track.duration_s:
        raise InvalidInput(f"{track.id} lasts {track.duration_s:.2f} s: it cannot start at {start:g} s")
    presets, notes = with_plugins(presets)
    for text in (*presets.left_out, *notes):
        note(text)
    mix, clamps = _allowed(presets, wishes, track)
    with progress(track.id) as on_progress:
        frames = _write(track, folder, mix, presets.racks, start, seconds, out, on_progress)
    answer: dict[str, Any] = {
        "frames": frames,
        "seconds": seconds_from_frames(frames),
        "clamps": clamps,
        "out": str(out),
    }
    if as_json:
        print_json(answer)
        return
    for clamp in clamps:
        print(f"{clamp.dimension}: {clamp.given:g} instead of {clamp.asked:g}: {clamp.because}")
    print(f"{out}: {answer['seconds']:.2f} s")


def _library_of(track_id: str, library: Path | None, daemon: str | None) -> Path:
    """The library that was named, else that of the daemon if one runs, else the user's own."""
    if named := library_chosen(library):
        return named
    from remixd.client import Client

    with Client(daemon) as client:
        if daemon is not None or client.is_serving():
            found = find_track(track_id, client.track, lambda: (row.id for row in client.tracks()))
            return Path(found.library)
    return library_path()


def _allowed(presets: Blend, wishes: dict[str, float], track: Track) -> tuple[Mix, tuple[Clamp, ...]]:
    """The mix that comes of presets and wishes under the track's rights, and what was clamped.

    Raises InvalidInput if the presets must not be used on the track.
    """
    if not wishes and not presets.weights:
        return NEUTRAL, ()
    from remixd.control.command import heard, lower
    from remixd.control.start import allowed

    if objection := presets.objection(track.roles, track.analysis.bpm):
        raise InvalidInput(objection)
    there = allowed(presets, track.rights, track.roles)
    lowered = lower(wishes, there.mix, track.rights, track.roles)
    mix = heard({**there.mix, **lowered.values}, track.rights, track.roles)
    clamps = (clamp for clamp in there.clamps if clamp.dimension not in wishes)
    return NEUTRAL.moved(**mix), (*clamps, *lowered.clamps)


def _write(
    track: Track,
    library: Path,
    mix: Mix,
    racks: Sequence[WeightedRack],
    start_s: float,
    seconds: float | None,
    out: Path,
    on_progress: OnProgress,
) -> int:
    """Render, and return how many frames were written."""
    import asyncio

    from remixd.control.caches import Caches
    from remixd.control.encoder import write_audio
    from remixd.control.offline import render as render_blocks

    lease = asyncio.run(Caches(library).hold(track, on_progress))
    for text in lease.notes:
        note(text)
    expected = frames_from_seconds(seconds or (track.duration_s - start_s) / mix["tempo"])
    written = 0

    def counted() -> Iterator[Any]:
        nonlocal written
        for block in render_blocks(track, lease.paths, mix, start_s, seconds, racks):
            written += len(block)
            on_progress(min(written / max(expected, 1), 1.0), "rendering")
            yield block

    with lease:
        write_audio(out, counted(), RATE_HZ)
    return written
