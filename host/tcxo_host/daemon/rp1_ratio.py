"""Experimental, Raspberry Pi 5: the ratio of its two crystals, from the Ethernet clock's cross timestamps.

The header's PWM runs from RP1's 50 MHz crystal, CLOCK_MONOTONIC_RAW from the processor's 54 MHz one. RP1's
Ethernet MAC has a PTP clock on RP1's crystal, and the kernel reads it between two readings of a system
clock (ioctl PTP_SYS_OFFSET_EXTENDED, linux/ptp_clock.h). Never tried on hardware.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import fcntl
import math
import os
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..edges.second import Board, Second
from ..errors import PermissionRefused, UnavailableError
from ..estimate.interface import Estimate, Estimator, State
from ..publish.clock_pair import ClockPair, read_pair

__all__ = ["CrossSample", "Ratio", "Rp1Corrected", "Rp1Ratio", "fit_ratio", "system_error_ppm"]

_SAMPLES = 25
_STAMP = struct.Struct("=qII")  # struct ptp_clock_time: seconds, nanoseconds, reserved
_BYTES = 16 + _SAMPLES * 3 * _STAMP.size
_SYS_OFFSET_EXTENDED = 3 << 30 | _BYTES << 16 | 0x3D << 8 | 9  # _IOWR('=', 9, ...)
_WINDOW_S = 64
_NEEDED = 16
_STEP_NS = 1_000_000
"""The two clocks drift apart by 0.1 ms a second at most; more is a step of the PTP clock."""


@dataclass(frozen=True, slots=True)
class CrossSample:
    """RP1's clock at a moment of CLOCK_MONOTONIC_RAW, ns; ``width_ns``: how well that moment is known."""

    raw_ns: int
    rp1_ns: int
    width_ns: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """By how much RP1's crystal runs fast against the processor's, ppm, with one standard deviation."""

    ppm: float
    sigma_ppm: float


def system_error_ppm(pwm_error_ppm: float, ratio_ppm: float) -> float:
    """The system clock's frequency error from that of the PWM on RP1's crystal. Both + when fast."""
    return ((1 + pwm_error_ppm * 1e-6) / (1 + ratio_ppm * 1e-6) - 1) * 1e6


def fit_ratio(samples: Sequence[CrossSample]) -> Ratio | None:
    """Least squares of RP1's lead over RAW against time; None for fewer than ``_NEEDED`` samples.

    A sample's weight is one over its width squared: a reading that was interrupted is wide.
    """
    if len(samples) < _NEEDED:
        return None
    first = samples[0]
    time_s = np.array([(each.raw_ns - first.raw_ns) * 1e-9 for each in samples])
    lead_ns = np.array(
        [(each.rp1_ns - first.rp1_ns) - (each.raw_ns - first.raw_ns) for each in samples], dtype=float
    )
    weight = np.array([1.0 / max(each.width_ns, 50) ** 2 for each in samples])
    weight /= weight.sum()
    centred = time_s - weight @ time_s
    spread = float(weight @ centred**2)
    if spread <= 0:
        return None
    slope = float(weight @ (centred * lead_ns)) / spread
    rest = lead_ns - weight @ lead_ns - slope * centred
    variance = float(weight @ rest**2) / spread / (len(samples) - 2)
    return Ratio(slope * 1e-3, math.sqrt(variance) * 1e-3)


class Rp1Ratio:
    """Reads ``device`` once a second and fits the last 64 s.

    ``ioctl``, ``adjustment_ppm`` (what another program has the PTP clock's rate adjusted by) and ``pair``
    are the kernel's side. Raises UnavailableError or PermissionRefused when there is no such clock.
    """

    def __init__(
        self,
        device: str = "/dev/ptp0",
        ioctl: Callable[[int, int, bytearray], int] = fcntl.ioctl,
        adjustment_ppm: Callable[[int], float] | None = None,
        pair: Callable[[], ClockPair | None] = read_pair,
    ) -> None:
        try:
            self._handle = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError:
            raise PermissionRefused(
                f"{device} may not be read: add the service's user to its group"
            ) from None
        except OSError as error:
            raise UnavailableError(
                f"{device}: {error.strerror}: rp1_ratio needs the PTP clock of the Pi 5's Ethernet"
            ) from None
        self._device = device
        self._ioctl, self._pair = ioctl, pair
        self._adjustment_ppm = adjustment_ppm or _read_adjustment_ppm
        self._raw_known = True
        self._samples: deque[CrossSample] = deque(maxlen=_WINDOW_S)
        self._adjusted_ppm = 0.0

    def second(self) -> Ratio | None:
        """Take one sample; the ratio, or None while it is not known.

        A step of the PTP clock, or a change of its rate by another program, starts anew.
        """
        adjusted_ppm = self._adjustment_ppm(self._handle)
        sample = self._read()
        if sample is not None:
            self._take(sample, adjusted_ppm)
        ratio = fit_ratio(self._samples)
        if ratio is None:
            return None
        # the adjustment is arithmetic in the PTP clock, not in the crystal
        crystal_ppm = ((1 + ratio.ppm * 1e-6) / (1 + self._adjusted_ppm * 1e-6) - 1) * 1e6
        return Ratio(crystal_ppm, ratio.sigma_ppm)

    def close(self) -> None:
        """Release the device."""
        os.close(self._handle)

    def _take(self, sample: CrossSample, adjusted_ppm: float) -> None:
        if self._samples:
            last = self._samples[-1]
            jump_ns = (sample.rp1_ns - last.rp1_ns) - (sample.raw_ns - last.raw_ns)
            if abs(jump_ns) > _STEP_NS or adjusted_ppm != self._adjusted_ppm:
                self._samples.clear()
        self._adjusted_ppm = adjusted_ppm
        self._samples.append(sample)

    def _read(self) -> CrossSample | None:
        """None while the system clock is being stepped."""
        if self._raw_known:
            try:
                return _tightest(self._call(time.CLOCK_MONOTONIC_RAW))
            except OSError as error:
                # Linux before 6.12 has no choice of clock here and requires zeros
                if error.errno != errno.EINVAL:
                    raise self._refused(error) from None
                self._raw_known = False
        before = self._pair()
        try:
            real = _tightest(self._call(0))
        except OSError as error:
            raise self._refused(error) from None
        after = self._pair()
        if before is None or after is None:
            return None
        span_ns = max(after.real_ns - before.real_ns, 1)
        share = (real.raw_ns - before.real_ns) / span_ns
        raw_ns = before.raw_ns + round(share * (after.raw_ns - before.raw_ns))
        return CrossSample(
            raw_ns, real.rp1_ns, real.width_ns + round(2 * (before.half_width_ns + after.half_width_ns))
        )

    def _call(self, clock: int) -> list[tuple[int, int, int]]:
        buffer = bytearray(_BYTES)
        struct.pack_into("=II", buffer, 0, _SAMPLES, clock)
        self._ioctl(self._handle, _SYS_OFFSET_EXTENDED, buffer)
        stamps = [
            seconds * 1_000_000_000 + nanoseconds
            for seconds, nanoseconds, _ in _STAMP.iter_unpack(bytes(buffer[16:]))
        ]
        return [(stamps[i], stamps[i + 1], stamps[i + 2]) for i in range(0, 3 * _SAMPLES, 3)]

    def _refused(self, error: OSError) -> UnavailableError:
        return UnavailableError(
            f"{self._device}: the driver gives no cross timestamps ({error.strerror}): set rp1_ratio = false"
        )


class Rp1Corrected:
    """An estimator whose PWM is on RP1's crystal, turned into one of the system clock."""

    def __init__(self, inner: Estimator, ratio: Callable[[], Ratio | None]) -> None:
        self.name = f"{inner.name}+rp1"
        self._inner, self._ratio = inner, ratio

    def restart(self, board: Board) -> None:
        """As the inner estimator."""
        self._inner.restart(board)

    def update(self, second: Second) -> Estimate:
        """The inner estimate, moved from RP1's crystal to the system clock's."""
        ratio = self._ratio()
        estimate = self._inner.update(second)
        if not estimate.usable or estimate.freq_error_ppm is None:
            return estimate
        if ratio is None:
            reason = "the ratio of the Pi 5's two crystals is not known yet"
            return dataclasses.replace(estimate, state=State.ACQUIRE, reason=reason)
        return dataclasses.replace(
            estimate,
            freq_error_ppm=system_error_ppm(estimate.freq_error_ppm, ratio.ppm),
            sigma_ppm=None if estimate.sigma_ppm is None else math.hypot(estimate.sigma_ppm, ratio.sigma_ppm),
            confirmed=False,  # the edges do not confirm the ratio
        )

    def export_state(self) -> dict[str, Any]:
        """As the inner estimator."""
        return self._inner.export_state()

    def import_state(self, state: Mapping[str, Any]) -> None:
        """As the inner estimator."""
        self._inner.import_state(state)


def _tightest(triples: list[tuple[int, int, int]]) -> CrossSample:
    before, rp1, after = min(triples, key=lambda triple: triple[2] - triple[0])
    return CrossSample((before + after) // 2, rp1, after - before)


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("rest", ctypes.c_long * 40),
    )


def _read_adjustment_ppm(handle: int) -> float:
    """The rate adjustment in force on a PTP clock, ppm; 0 where the kernel does not say."""
    libc = ctypes.CDLL(None, use_errno=True)
    timex = _Timex()
    clock = ~handle << 3 | 3  # FD_TO_CLOCKID, clock_getres(2)
    return timex.freq / 65536 if libc.clock_adjtime(clock, ctypes.byref(timex)) >= 0 else 0.0
