"""What the music does: presets, and the moves of directed sessions. Pure: time is an argument."""
