"""Captures: record, read, analyse, draw and replay what a board sends."""
