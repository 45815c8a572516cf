"""The encoder worker: a process that makes Opus and FLAC of what sessions play, once for all who listen."""
