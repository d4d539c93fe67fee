"""The ratio of a Pi 5's crystals, with the kernel's cross timestamps simulated at the ioctl."""

from __future__ import annotations

import errno
import os
import random
import struct
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tcxo_host.daemon.rp1_ratio import Ratio, Rp1Corrected, Rp1Ratio, system_error_ppm
from tcxo_host.edges.second import Board, Second
from tcxo_host.errors import UnavailableError
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.publish.clock_pair import ClockPair

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS


class Pi5:
    """Two crystals, a kernel that reads one between two readings of the other, and a bus with jitter."""

    def __init__(self, rp1_ppm: float, *, knows_raw: bool, real_ppm: float = 0.0, seed: int = 1) -> None:
        self.rp1_ppm, self.real_ppm, self.knows_raw = rp1_ppm, real_ppm, knows_raw
        self.raw_ns = 10 * NS
        self.adjusted_ppm = 0.0
        self.rp1_step_ns = 0
        self.pairs_known = True
        self.error = 0
        self.random = random.Random(seed)

    def rp1(self, raw_ns: float) -> int:
        rate = (1 + self.rp1_ppm * 1e-6) * (1 + self.adjusted_ppm * 1e-6) - 1
        return START_NS + self.rp1_step_ns + round(raw_ns + raw_ns * rate)

    def real(self, raw_ns: float) -> int:
        return START_NS + round(raw_ns * (1 + self.real_ppm * 1e-6))

    def ioctl(self, handle: int, request: int, buffer: bytearray) -> int:
        assert request == 0xC4C03D09  # PTP_SYS_OFFSET_EXTENDED of linux/ptp_clock.h on 64-bit
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        samples, clock = struct.unpack_from("=II", buffer)
        if clock and not self.knows_raw:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        system = (lambda raw: round(raw)) if clock == time.CLOCK_MONOTONIC_RAW else self.real
        for i in range(samples):
            delay_ns, back_ns = self.random.uniform(400, 900), self.random.uniform(400, 900)
            if self.random.random() < 0.2:
                back_ns += 20_000  # an interrupt between the readings
            stamps = (
                system(self.raw_ns),
                self.rp1(self.raw_ns + delay_ns),
                system(self.raw_ns + delay_ns + back_ns),
            )
            self.raw_ns += round(delay_ns + back_ns) + 100
            for k, stamp in enumerate(stamps):
                struct.pack_into("=qII", buffer, 16 + (3 * i + k) * 16, stamp // NS, stamp % NS, 0)
        return 0

    def pair(self) -> ClockPair | None:
        self.raw_ns += 300
        if not self.pairs_known:
            return None
        return ClockPair(self.raw_ns, self.real(self.raw_ns), 200)

    def reader(self) -> Rp1Ratio:
        return Rp1Ratio(
            os.devnull, ioctl=self.ioctl, adjustment_ppm=lambda _: self.adjusted_ppm, pair=self.pair
        )

    def run(self, reader: Rp1Ratio, seconds: int) -> Ratio | None:
        ratio = None
        for _ in range(seconds):
            self.raw_ns += NS
            ratio = reader.second()
        return ratio


@pytest.mark.parametrize("knows_raw", [True, False], ids=["Linux 6.12", "older Linux"])
@pytest.mark.parametrize("rp1_ppm", [-23.4, 0.0, 7.125])
def test_the_ratio_is_found_to_a_few_ppb_even_while_the_system_clock_is_corrected(
    rp1_ppm: float, knows_raw: bool
) -> None:
    pi5 = Pi5(rp1_ppm, knows_raw=knows_raw, real_ppm=-12.5)
    ratio = pi5.run(pi5.reader(), 64)
    assert ratio is not None
    assert ratio.ppm == pytest.approx(rp1_ppm, abs=0.005)
    assert 0 < ratio.sigma_ppm < 0.005


def test_a_few_seconds_are_not_enough() -> None:
    pi5 = Pi5(3.0, knows_raw=True)
    assert pi5.run(pi5.reader(), 10) is None


def test_a_step_of_the_ptp_clock_starts_anew_and_never_shows() -> None:
    pi5 = Pi5(3.0, knows_raw=True)
    reader = pi5.reader()
    pi5.run(reader, 64)
    pi5.rp1_step_ns = 37 * NS
    assert pi5.run(reader, 5) is None
    ratio = pi5.run(reader, 64)
    assert ratio is not None
    assert ratio.ppm == pytest.approx(3.0, abs=0.005)


def test_what_ptp4l_adjusts_is_not_taken_for_the_crystal() -> None:
    pi5 = Pi5(3.0, knows_raw=True)
    pi5.adjusted_ppm = 11.0
    ratio = pi5.run(pi5.reader(), 64)
    assert ratio is not None
    assert ratio.ppm == pytest.approx(3.0, abs=0.005)


def test_the_sign_fast_pwm_on_a_faster_rp1_is_a_slow_system_clock() -> None:
    assert system_error_ppm(5.0, 8.0) == pytest.approx(-3.0, abs=1e-4)
    assert system_error_ppm(5.0, 0.0) == pytest.approx(5.0)


def test_a_driver_without_cross_timestamps_and_a_missing_clock() -> None:
    pi5 = Pi5(3.0, knows_raw=True)
    pi5.error = errno.EOPNOTSUPP
    with pytest.raises(UnavailableError, match="rp1_ratio = false"):
        pi5.reader().second()
    with pytest.raises(UnavailableError, match="PTP clock of the Pi 5's Ethernet"):
        Rp1Ratio("/dev/ptp-none")


class Steady:
    """An estimator that always says the same."""

    name = "steady"

    def __init__(self, estimate: Estimate) -> None:
        self.estimate = estimate

    def restart(self, board: Board) -> None:
        return None

    def update(self, second: Second) -> Estimate:
        return self.estimate

    def export_state(self) -> dict[str, Any]:
        return {"a": 1}

    def import_state(self, state: Mapping[str, Any]) -> None:
        return None


def test_an_estimate_waits_for_the_ratio_and_is_then_moved_by_it() -> None:
    second = Second(0, {"host_pwm": np.array([], dtype=np.int64)})
    good = Estimate(State.TRACK, "", freq_error_ppm=5.0, sigma_ppm=0.003)
    waiting = Rp1Corrected(Steady(good), lambda: None).update(second)
    assert (waiting.state, waiting.usable) == (State.ACQUIRE, False)
    moved = Rp1Corrected(Steady(good), lambda: Ratio(8.0, 0.004)).update(second)
    assert moved.freq_error_ppm == pytest.approx(-3.0, abs=1e-4)
    assert moved.sigma_ppm == pytest.approx(0.005)
    bad = Estimate(State.HOLD, "no GPS")
    assert Rp1Corrected(Steady(bad), lambda: Ratio(8.0, 0.004)).update(second) is bad


def test_a_system_clock_that_is_stepped_meanwhile_costs_a_sample_and_nothing_else() -> None:
    pi5 = Pi5(3.0, knows_raw=False)
    reader = pi5.reader()
    pi5.run(reader, 64)
    pi5.pairs_known = False
    ratio = pi5.run(reader, 1)
    assert ratio is not None
    assert ratio.ppm == pytest.approx(3.0, abs=0.005)
