"""Captures in the file formats of other programs, and back."""
