"""remixd: a live remix engine.

Songs are stored as stems with an analysis; fans say what they like while they listen; the daemon reshapes
the song live, in time with the music. Start with `remixd.client`.
"""

__version__ = "0.1.0"
