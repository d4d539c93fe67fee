"""Simulated clocks and signals: what enters the board's capture pins, with the truth beside it."""
