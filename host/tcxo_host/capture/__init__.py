"""Captures of what a board sends: read, written, recorded."""
