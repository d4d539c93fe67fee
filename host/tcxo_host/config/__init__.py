"""Settings: their meaning and limits, the TOML file, the paths."""
