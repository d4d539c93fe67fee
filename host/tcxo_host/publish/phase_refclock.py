"""The third way into chrony: GPS time against the system clock, as ``refclock SOCK ... pps``.

With the refclock option ``pps`` chrony takes an offset less whole seconds and with its documented sign, + when the
reference is ahead (``RCL_AddSample``, ``pps_forced``); with ``pulse`` set in the sample instead the sign is the
other one. Other sources (NTP, NMEA) number the second.
"""

from __future__ import annotations

from .phase.sample import PhaseSample
from .refclock import pack_sample
from .sample_socket import SampleSocket

__all__ = ["PhaseRefclock", "chrony_line"]


def chrony_line(path: str) -> str:
    """What chrony.conf needs. ``filter 1``: chrony shortens its median filter only for drivers that it polls."""
    return f"refclock SOCK {path} pps refid GPSP poll 0 filter 1 precision 1e-8"


class PhaseRefclock:
    """Hands chronyd the samples. Never raises."""

    def __init__(self, path: str) -> None:
        self._socket = SampleSocket(path, chrony_line(path), "--phase")

    @property
    def problem(self) -> str:
        """Why the last sample was not taken, with its remedy, or empty."""
        return self._socket.problem

    def send(self, sample: PhaseSample) -> bool:
        """Whether chronyd took it."""
        return self._socket.send(pack_sample(sample.real_ns, sample.offset_ns * 1e-9))

    def close(self) -> None:
        """Release the socket; chrony sees the samples end."""
        self._socket.close()
