"""The presets that come with remixd, one TOML each."""
