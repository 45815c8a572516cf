"""The client of a daemon on this machine, blocking or for an event loop.

from remixd.client import AsyncClient, Client, Signal

with Client() as client:
    session = client.create_session(client.tracks()[0].id)
    answer = client.signal(session.id, {"vocals": -18.0}, wait=True)
    client.listen(session.id, 10.0).save("heard.wav")
    client.listen(session.id, 10.0, format="opus").save("heard.opus")

with Client() as client, client.console(session.id) as console:
    console.load("B", client.tracks()[1].id)
    console.sync("B")
    console.play("B", at="bar", wait=True)

with Client() as client:
    client.signal(session.id, text="more dreamy, less drums", fan="mina")
    client.signal(session.id, reaction="like", fan="mina")
    print([why.because for why in client.explain(session.id, "mina")])

with Client() as client, client.signals(session.id, on_answer=print) as stream:
    for fan in range(1000):  # in some twenty messages
        stream.put(Signal(id=f"like-{fan}", fan=f"fan-{fan}", reaction="like"))

async with AsyncClient() as client:
    async with client.watch(session.id) as events:
        answer = await client.signal(session.id, {"vocals": 0.0})
        async for event in events:
            ...

Units are in the names: `_s` seconds, `_db` decibels, `_hz` hertz, samples and frames at 48 kHz. Errors are
those of `remixd.errors`. A `Client` and what it gives may be used by any thread; an `AsyncClient` by one
event loop.
"""

from remixd.audience.signal import Signal
from remixd.client._aio import AsyncClient
from remixd.client._audience_types import (
    Crowd,
    CrowdDimension,
    Explanation,
    Forgotten,
    PlannedMove,
    Reason,
    Said,
    Taste,
)
from remixd.client._client import Client
from remixd.client._console import AsyncConsole, Console
from remixd.client._preset_types import Preset, Rack
from remixd.client._recording import Recorder, Recording
from remixd.client._signals import AsyncSignalStream, SignalStream
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
from remixd.client._stats import DaemonStats, EngineStats
from remixd.client._streams import AsyncStream, Stream
from remixd.client._timeline import Timeline, TimelineBeat, TimelineEvent
from remixd.client._trace import Trace, TraceEvent, WorstBlock
from remixd.client._types import (
    Answer,
    Applied,
    AppliedMove,
    Clamp,
    Deck,
    Event,
    JoinLink,
    Lost,
    Missed,
    Packet,
    Reconnected,
    Refused,
    Session,
    StreamFormat,
)

__all__ = [
    "Alternative",
    "Answer",
    "Applied",
    "AppliedMove",
    "AsyncClient",
    "AsyncConsole",
    "AsyncSignalStream",
    "AsyncStream",
    "Chord",
    "Clamp",
    "Client",
    "Console",
    "Crowd",
    "CrowdDimension",
    "DaemonStats",
    "Deck",
    "EngineStats",
    "Event",
    "Explanation",
    "Forgotten",
    "ImportedTrack",
    "JoinLink",
    "Lost",
    "Missed",
    "NullTest",
    "Packet",
    "PlannedMove",
    "Preset",
    "Rack",
    "Reason",
    "Reconnected",
    "Recorder",
    "Recording",
    "Refused",
    "Rights",
    "Said",
    "Section",
    "Session",
    "Signal",
    "SignalStream",
    "Span",
    "Stem",
    "StemNull",
    "StemOverview",
    "Stream",
    "StreamFormat",
    "Taste",
    "Timeline",
    "TimelineBeat",
    "TimelineEvent",
    "Trace",
    "TraceEvent",
    "Track",
    "TrackSummary",
    "WorstBlock",
]
