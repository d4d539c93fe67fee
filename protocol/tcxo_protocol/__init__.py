"""The binary protocol between the capture board and the host: records and frames, without I/O."""
