"""The second way into chrony: the TCXO's time against the system clock, as ``refclock SOCK ... local``.

The TCXO's time is CLOCK_MONOTONIC_RAW with the crystal's measured error taken out, integrated from second
to second; its phase starts anywhere, which ``local`` allows. It has no limit and no sign to get wrong,
and ends when the samples end. Sample format: ``struct sock_sample`` of chrony's ``refclock_sock.c``.
"""

from __future__ import annotations

import struct
import sysconfig
from collections.abc import Callable

from .clock_pair import ClockPair, read_pair
from .sample_socket import SampleSocket

__all__ = ["Refclock", "TcxoTime", "pack_sample"]


_MAGIC = 0x534F434B
_NS = 1_000_000_000
# chrony takes the C library's struct timeval; Python was built against the same library.
_TIME = "q" if (sysconfig.get_config_var("SIZEOF_TIME_T") or 8) == 8 else "l"
_SAMPLE = struct.Struct(f"={_TIME}{_TIME}diiii")
_LONGEST_GAP_NS = 3600 * _NS


def pack_sample(real_ns: int, offset_s: float) -> bytes:
    """One sample: at system time ``real_ns`` the reference clock was ahead by ``offset_s``."""
    seconds, rest_ns = divmod(real_ns, _NS)
    # whole microseconds only; what is cut off changes when the offset was, not how large
    return _SAMPLE.pack(seconds, rest_ns // 1000, offset_s, 0, 0, 0, _MAGIC)


class TcxoTime:
    """CLOCK_MONOTONIC_RAW corrected by the measured error of its crystal. Pure.

    ``bias_ppm``: by how much the PWM is known to run fast against the system clock (``PwmTiming``).
    """

    def __init__(self, bias_ppm: float = 0.0) -> None:
        self._bias_ppm = bias_ppm
        self._start: ClockPair | None = None
        self._last_ns = 0
        self._error_ppm: float | None = None
        self._correction_ns = 0.0

    def advance(self, pair: ClockPair, freq_error_ppm: float | None) -> float | None:
        """Go on to ``pair``; return the TCXO's lead over CLOCK_REALTIME, seconds, or None for no sample.

        ``freq_error_ppm``: the crystal's error since the call before, + when it runs fast; None while it is
        not known. A gap is bridged with the last known error and gives no sample; one of more than an hour,
        or a first value, starts anew at zero.
        """
        known = freq_error_ppm is not None
        if known:
            self._error_ppm = freq_error_ppm
        if self._start is not None and pair.raw_ns - self._last_ns > _LONGEST_GAP_NS:
            self._start = None
        if self._start is None:
            if not known:
                return None
            self._start, self._last_ns, self._correction_ns = pair, pair.raw_ns, 0.0
        assert self._error_ppm is not None
        error = (self._error_ppm - self._bias_ppm) * 1e-6
        self._correction_ns -= (pair.raw_ns - self._last_ns) * error / (1 + error)
        self._last_ns = pair.raw_ns
        if not known:
            return None
        apart_ns = (pair.raw_ns - self._start.raw_ns) - (pair.real_ns - self._start.real_ns)
        return (apart_ns + self._correction_ns) * 1e-9


class Refclock:
    """Sends a sample a second to chronyd's socket. Never raises: chronyd may come and go."""

    def __init__(
        self,
        path: str,
        bias_ppm: float = 0.0,
        pair: Callable[[], ClockPair | None] = read_pair,
    ) -> None:
        self._time = TcxoTime(bias_ppm)
        self._pair = pair
        self._socket = SampleSocket(path, f"refclock SOCK {path} refid TCXO local", "--refclock")

    @property
    def problem(self) -> str:
        """Why the last sample was not taken, with its remedy, or empty."""
        return self._socket.problem

    def second(self, freq_error_ppm: float | None) -> bool:
        """To be called once a second; None while nothing may be published. Whether a sample was taken."""
        pair = self._pair()
        offset_s = None if pair is None else self._time.advance(pair, freq_error_ppm)
        if pair is None or offset_s is None:
            return False
        return self._socket.send(pack_sample(pair.real_ns, offset_s))

    def close(self) -> None:
        """Release the socket; chrony sees the samples end."""
        self._socket.close()
