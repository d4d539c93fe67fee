"""Starts the capture firmware. Copied last, so that a half-done copy never runs."""

import tcxo.app

tcxo.app.run()
