"""A small app on the client, as others would write it: checked by mypy, and run in test_consumer.py."""

from __future__ import annotations

import asyncio
import concurrent.futures

import numpy as np
from numpy.typing import NDArray

from remixd.client import (
    Answer,
    Applied,
    AsyncClient,
    AsyncSignalStream,
    AsyncStream,
    Client,
    Console,
    Deck,
    Event,
    Lost,
    Missed,
    Packet,
    Reconnected,
    Refused,
    Said,
    Session,
    Signal,
    SignalStream,
    Stream,
    Timeline,
    TrackSummary,
)


def tell(event: Event) -> str:
    match event:
        case Session():
            return f"{event.position_s:.1f} s, drums at {event.mix['drums']} dB"
        case Applied():
            return f"{event.id} from sample {event.sample}"
        case Refused() | Lost():
            return event.reason
        case Missed():
            return f"{event.answers} missed"
        case Timeline():
            return f"{len(event.beats)} beats from {event.bar}:{event.beat} on"
        case Reconnected():
            return f"away for {event.seconds:.1f} s"


def blocking(address: str) -> list[str]:
    told: list[str] = []
    answers: list[Answer] = []
    with Client(address, timeout_s=5.0, reconnect=True) as client:
        tracks: list[TrackSummary] = client.tracks("song", bpm=(60.0, None))
        session: Session = client.create_session(tracks[0].id, preset={"lo-fi": 0.5})
        events: Stream[Event] = client.watch(session.id)
        stream: SignalStream = client.signals(session.id, on_answer=answers.append)
        with events, stream:
            pending: concurrent.futures.Future[Answer] = stream.put(
                Signal(id="a", fan="mina", wishes={"drums": -3.0})
            )
            stream.put(Said(id="b", text="more vocals"))
            stream.flush()
            told.append(pending.result(5.0).reason)
            told.append(tell(next(events)))
        console: Console
        with client.console(session.id) as console:
            answer: Answer = console.fader("A", -3.0, ramp_s=1.0, at="bar", wait=True)
            decks: tuple[Deck, ...] = console.decks
        told += [decks[0].name, str(answer.accepted)]
        packets: Stream[Packet] = client.packets(session.id, seconds=1.0)
        with packets:
            pcm: list[NDArray[np.float32]] = []
    return [*told, *(each.id for each in answers), str(len(pcm))]


async def awaited(address: str) -> str:
    async with AsyncClient(address) as client:
        session: Session = (await client.sessions())[0]
        events: AsyncStream[Event] = client.watch(session.id)
        stream: AsyncSignalStream
        async with events, client.signals(session.id) as stream:
            pending: asyncio.Future[Answer] = await stream.put(Signal(id="c", reaction="like"))
            answer: Answer = await pending
            async for event in events:
                return f"{answer.id}: {tell(event)}"
    return ""
