"""The control process: lowering wishes to commands, sessions, the engine supervisor."""
