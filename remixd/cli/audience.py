"""Commands of audiences: signal, taste, why, undo, forget, crowd, plan."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import click

from remixd.audience.signal import CONSENTS, Consent
from remixd.cli._expressed import parse_expressed
from remixd.cli._options import daemon_option, json_option
from remixd.cli._out import BLOCKS, print_json, print_table
from remixd.cli.sessions import print_answer
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS, WHENS, When
from remixd.units import RATE_HZ

if TYPE_CHECKING:
    from remixd.client import Crowd, CrowdDimension, Explanation

PLAN_BARS_MAX: Final = 64
fan_option = click.option("--fan", default="", metavar="ID", help="Who it comes from.")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("session_id", metavar="SESSION")
@click.argument("words", nargs=-1, required=True, metavar="WISH...")
@fan_option
@click.option(
    "--at", type=click.Choice(WHENS), default="now", help="When it acts: now, or at the next such mark."
)
@click.option("--consent", type=click.Choice(CONSENTS), default="session", help="What may be kept of it.")
@click.option("--verified", is_flag=True, help="You vouch for the fan being one person.")
@click.option("--wait", is_flag=True, help="Stay until it is in the sound.")
@daemon_option
@json_option
def signal(
    session_id: str,
    words: tuple[str, ...],
    fan: str,
    at: When,
    consent: Consent,
    verified: bool,
    wait: bool,
    daemon: str | None,
    as_json: bool,
) -> None:
    """Send what a fan expresses.

    \b
    A value        vocals=-18 tempo=1.06
    A direction    drums- vocals+2
    A reaction     like love dislike skip replay better worse
                   dwell=S volume=DB cadence=STEPS_A_MINUTE explore=0|1
    A choice       language=ko version=master preset=NAME section=LABEL POLL=OPTION
    In words       "more dreamy, less drums" or an emoji

    Values and directions go together; everything else is a signal of its own. A choice acts at the next
    phrase. A directed session, whose director keeps time, takes no --at.
    """  # noqa: D301 (click's own mark)
    expressed = parse_expressed(words)
    from remixd.client import Client

    with Client(daemon) as client:
        answers = [
            client.signal(session_id, fan=fan, at=at, consent=consent, verified=verified, wait=wait, **each)
            for each in expressed
        ]
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers)
    for answer in answers:
        if answer.accepted and not as_json:
            print_answer(answer)
    refused = [answer.reason or "the signal was refused" for answer in answers if not answer.accepted]
    if refused:
        raise InvalidInput("; ".join(refused))


@click.command()
@click.argument("session_id", metavar="SESSION")
@click.argument("fan", metavar="FAN")
@daemon_option
@json_option
def taste(session_id: str, fan: str, daemon: str | None, as_json: bool) -> None:
    """Show what is believed of one fan."""
    from remixd.client import Client

    with Client(daemon) as client:
        found = client.taste(session_id, fan)
    if as_json:
        print_json(found)
        return
    kept = "is kept for other sessions" if found.consent == "taste" else "ends with the session"
    exploring = "on" if found.exploring else "off"
    print(f"{found.fan}: {found.signals} signals; the taste {kept}; exploring {exploring}")
    print_table(
        "nothing is known yet",
        ("dimension", "likes best", "certainty"),
        [
            (name, _valued(name, value), _bar(found.certainty.get(name, 0.0)))
            for name, value in found.values.items()
        ],
    )


@click.command()
@click.argument("session_id", metavar="SESSION")
@click.option("--fan", default="", metavar="ID", help="For whom.  [default: all fans together]")
@daemon_option
@json_option
def why(session_id: str, fan: str, daemon: str | None, as_json: bool) -> None:
    """Tell why the mix is as it is."""
    from remixd.client import Client

    with Client(daemon) as client:
        found = client.explain(session_id, fan)
    print_json(found) if as_json else _print_explanations(found)


@click.command()
@click.argument("session_id", metavar="SESSION")
@click.argument("signal_id", metavar="SIGNAL")
@click.option("--fan", required=True, metavar="ID", help="Whose signal.")
@daemon_option
@json_option
def undo(session_id: str, signal_id: str, fan: str, daemon: str | None, as_json: bool) -> None:
    """Take a signal back, as if it had never come."""
    from remixd.client import Client

    with Client(daemon) as client:
        found = client.undo(session_id, fan, signal_id)
    if as_json:
        print_json(found)
        return
    print(f"{signal_id} undone")
    _print_explanations(found)


@click.command()
@click.argument("fan", metavar="FAN")
@daemon_option
@json_option
def forget(fan: str, daemon: str | None, as_json: bool) -> None:
    """Forget a fan in every session, and the taste that was kept."""
    from remixd.client import Client

    with Client(daemon) as client:
        found = client.forget_fan(fan)
    if as_json:
        print_json(found)
        return
    taste_too = ", and the taste that was kept" if found.taste else ""
    print(f"{fan} forgotten: {found.signals} signals in {found.sessions} sessions{taste_too}")
    if found.remains:
        print(f"what remains: {found.remains}")


@click.command()
@click.argument("session_id", metavar="SESSION")
@daemon_option
@json_option
def crowd(session_id: str, daemon: str | None, as_json: bool) -> None:
    """Show what the crowd of a session wants, from 50 fans up."""
    from remixd.client import Client

    with Client(daemon) as client:
        found = client.crowd(session_id)
    if as_json:
        print_json(found)
    elif found.hidden:
        print(found.hidden)
    else:
        _print_crowd(found)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("session_id", metavar="SESSION")
@click.argument("words", nargs=-1, metavar="[WISH...]")
@click.option("--bars", type=click.IntRange(1, PLAN_BARS_MAX), default=8, help="How far.  [default: 8]")
@fan_option
@daemon_option
@json_option
def plan(
    session_id: str, words: tuple[str, ...], bars: int, fan: str, daemon: str | None, as_json: bool
) -> None:
    """Show where the mix would go, if WISHES came now, as `signal` takes them.

    Nothing of it is heard, and nothing kept.
    """
    expressed = parse_expressed(words)
    from remixd.client import Client, Said, Signal

    signals = [
        (Said if "text" in each or "emoji" in each else Signal)(id=uuid.uuid4().hex, fan=fan, **each)
        for each in expressed
    ]
    with Client(daemon) as client:
        found = client.plan(session_id, signals, bars=bars)
    if as_json:
        print_json(found)
        return
    print_table(
        f"nothing would move within {bars} bars",
        ("at", "dimension", "from", "to", "because"),
        [
            (
                f"{move.sample / RATE_HZ:.2f} s", move.dimension, _valued(move.dimension, move.before),
                _valued(move.dimension, move.value), move.because,
            )
            for move in found
        ],
    )  # fmt: skip


def _valued(name: str, value: float) -> str:
    return f"{value:.3g} {DIMENSIONS[name].unit}" if name in DIMENSIONS else f"{value:.3g}"


def _bar(share: float, columns: int = 10) -> str:
    """A share of 0 to 1 as a bar."""
    eighths = round(min(max(share, 0.0), 1.0) * columns * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (BLOCKS[rest] if rest else "")).ljust(columns) + f" {share:.0%}"


def _columns(histogram: Sequence[float]) -> str:
    """Shares as columns of one line; what is there at all is seen."""
    most = max(histogram, default=0.0)
    if most <= 0.0:
        return ""
    return "".join(BLOCKS[0 if share <= 0.0 else max(1, round(8 * share / most))] for share in histogram)


def _print_explanations(found: Iterable[Explanation]) -> None:
    for each in found:
        held = f" (held by {each.held_by})" if each.held_by else ""
        print(f"{each.dimension}: {_valued(each.dimension, each.value)}{held}: {each.because}")
        for reason in each.reasons:
            print(f"  {reason.change:+.2f}  {reason.what}")


def _wanted(each: CrowdDimension) -> str:
    peaks = " or ".join(_valued(each.dimension, peak) for peak in each.peaks)
    return f"{_valued(each.dimension, each.wanted)} ({each.how}{': ' + peaks if peaks else ''})"


def _print_crowd(found: Crowd) -> None:
    print(f"{found.fans} fans")
    print_table(
        "nobody wants anything",
        ("dimension", "fans", "less < wanted > more", "together", "held by"),
        [
            (each.dimension, each.fans, _columns(each.histogram), _wanted(each), each.held_by)
            for each in found.dimensions
        ],
    )
    for name, shares in found.polls.items():
        for option, share in shares.items():
            print(f"{name}: {_bar(share)} {option}")
    for alarm in found.alarms:
        print(f"alarm: {alarm}")
