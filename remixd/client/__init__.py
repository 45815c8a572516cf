"""The client of a daemon on this machine, blocking or for an event loop.

from remixd.client import AsyncClient, Client

with Client() as client:
    session = client.create_session(client.tracks()[0].id)
    answer = client.signal(session.id, {"vocals": -18.0}, wait=True)
    client.listen(session.id, 10.0).save("heard.wav")

with Client() as client, client.console(session.id) as console:
    console.load("B", client.tracks()[1].id)
    console.sync("B")
    console.play("B", at="bar", wait=True)

async with AsyncClient() as client:
    async with client.watch(session.id) as events:
        answer = await client.signal(session.id, {"vocals": 0.0})
        async for event in events:
            ...
"""

from remixd.audience.signal import Signal
from remixd.client._aio import AsyncClient, AsyncStream
from remixd.client._client import Client, Stream
from remixd.client._console import AsyncConsole, Console
from remixd.client._preset_types import Preset, Rack
from remixd.client._recording import Recorder, Recording
from remixd.client._song_types import (
    Alternative,
    Chord,
    ImportedTrack,
    NullTest,
    Rights,
    Section,
    Span,
    Stem,
    StemNull,
    StemOverview,
    Track,
    TrackSummary,
)
from remixd.client._types import (
    Answer,
    Applied,
    AppliedMove,
    Clamp,
    Deck,
    Event,
    Lost,
    Missed,
    Packet,
    Refused,
    Session,
)

__all__ = [
    "Alternative",
    "Answer",
    "Applied",
    "AppliedMove",
    "AsyncClient",
    "AsyncConsole",
    "AsyncStream",
    "Chord",
    "Clamp",
    "Client",
    "Console",
    "Deck",
    "Event",
    "ImportedTrack",
    "Lost",
    "Missed",
    "NullTest",
    "Packet",
    "Preset",
    "Rack",
    "Recorder",
    "Recording",
    "Refused",
    "Rights",
    "Section",
    "Session",
    "Signal",
    "Span",
    "Stem",
    "StemNull",
    "StemOverview",
    "Stream",
    "Track",
    "TrackSummary",
]
