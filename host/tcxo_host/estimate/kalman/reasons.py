"""What people are told when GPS does not take part. Pure."""

from __future__ import annotations

from .track.pulse import PulseTracker

__all__ = ["unsure", "without_gps"]


def unsure(gps: PulseTracker) -> str:
    """Why the TCXO cannot carry on alone."""
    if gps.doubted and gps.unconfirmed_ppb:
        return disagreement(gps)
    if gps.doubted:
        return "GPS contradicts the TCXO for too long: has the receiver a fix?"
    return "GPS lost for too long" if gps.accepted else "waiting for GPS"


def without_gps(gps: PulseTracker, silent: bool) -> str:
    """Why the TCXO carries on alone."""
    if gps.doubted and gps.unconfirmed_ppb:
        return disagreement(gps)
    if gps.doubted:
        return "GPS contradicts the TCXO: has the receiver a fix?"
    if not gps.accepted:
        return "no GPS yet, TCXO as it was"
    return "GPS lost" if silent else "GPS pulses too noisy"


def disagreement(gps: PulseTracker) -> str:
    """What nobody can tell."""
    return f"GPS and the TCXO disagree by {gps.unconfirmed_ppb:.0f} ppb; one of them moved"
