"""The blocking client of a daemon on this machine.

from remixd.client import Client

with Client() as client:
    session = client.create_session(client.tracks()[0].id)
    answer = client.signal(session.id, {"vocals": -18.0}, wait=True)
    client.listen(session.id, 10.0).save("heard.wav")
"""

from remixd.audience.signal import Signal
from remixd.client._client import Client, Stream
from remixd.client._recording import Recorder, Recording
from remixd.client._types import (
    Answer,
    Applied,
    AppliedMove,
    Chord,
    Clamp,
    Event,
    ImportedTrack,
    Lost,
    Packet,
    Refused,
    Rights,
    Section,
    Session,
    Stem,
    Track,
    TrackSummary,
)

__all__ = [
    "Answer",
    "Applied",
    "AppliedMove",
    "Chord",
    "Clamp",
    "Client",
    "Event",
    "ImportedTrack",
    "Lost",
    "Packet",
    "Recorder",
    "Recording",
    "Refused",
    "Rights",
    "Section",
    "Session",
    "Signal",
    "Stem",
    "Stream",
    "Track",
    "TrackSummary",
]
