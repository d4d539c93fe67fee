"""Finding the PWM's edges at its own pin: a few reads of the level register just before and after.

A pin in PWM function reads back its level (GPLEV0, BCM2835 ARM Peripherals, section 6.1). It is polled by an
ordinary thread: sleep until shortly before the expected edge, wait the rest, poll until the level is high. A
thread that was interrupted meanwhile brackets the edge more widely, which the tracker does not mind.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ...errors import UnavailableError
from .tracker import Bracket

__all__ = ["GPIOMEM", "Burst", "EdgeFinder", "GpioLevel", "Register", "raw_ns", "sleep_until"]

GPIOMEM = "/dev/gpiomem"
_GPLEV0 = 0x34
_PAGE = 4096

MOST_POLLING_NS = 300_000
"""One burst polls no longer than this."""
GUARD_NS = 10_000
"""Polling starts this long before the earliest moment of the edge: the first polls after a sleep take microseconds,
because the caches are cold."""
AFTER_NS = 2_000
"""Polling ends this long after the latest moment of the edge."""
GOLDEN = 0.6180339887
"""From burst to burst the first poll moves by this share of a poll. So the polls fall on all places around the edge;
otherwise the same gap between two of them would always hold the edge."""
FIRST_LEAD_NS, LEAST_LEAD_NS, MOST_LEAD_NS = 150_000, 40_000, 300_000
LEAD_SHRINKS = 0.98
"""The thread asks to be woken earlier than needed, by the lead, and waits out the rest in a loop; that is most of what
a burst costs. If it was woken in time, the next lead is shorter by this factor; if too late, it is doubled. So about
one burst in forty is missed."""
SCAN_NS = 1_000_000
"""Time between the single reads that look for the edge when nothing is known."""
SCAN_PERIODS = 2


class Register(Protocol):
    """A pin's level."""

    def level(self) -> int:
        """1 while the pin is high, else 0."""


class GpioLevel:
    """The level of GPIO ``number`` (0 to 31) on a Raspberry Pi 0 to 4.

    Raises UnavailableError with the remedy when the registers may not be read.
    """

    def __init__(self, number: int, path: str = GPIOMEM) -> None:
        self._shift = number
        try:
            # the device takes no other than a shared mapping; its offset is ignored by the driver
            handle = os.open(path, os.O_RDONLY | os.O_SYNC | os.O_CLOEXEC)
            try:
                self._map = mmap.mmap(handle, _PAGE, mmap.MAP_SHARED, mmap.PROT_READ)
            finally:
                os.close(handle)
        except FileNotFoundError:
            raise UnavailableError(
                f"{path} is not there",
                "phase needs a Raspberry Pi 2 to 4 whose kernel offers its GPIO registers",
            ) from None
        except PermissionError:
            raise UnavailableError(
                f"{path} may not be read",
                "the service needs the group gpio; 'tcxo-host install --phase' sets it",
            ) from None
        except (OSError, ValueError) as error:
            raise UnavailableError(f"{path} cannot be mapped: {error}") from None
        self._words = memoryview(self._map).cast("I")  # an item is one aligned 32-bit load

    def level(self) -> int:
        """1 while the pin is high, else 0."""
        return (self._words[_GPLEV0 // 4] >> self._shift) & 1

    def close(self) -> None:
        """Give the mapping back."""
        self._words.release()
        self._map.close()


def raw_ns() -> int:
    """CLOCK_MONOTONIC_RAW."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


def sleep_until(when_ns: int) -> None:
    """Sleep until the raw clock shows ``when_ns``, or somewhat longer."""
    time.sleep(max(0, when_ns - raw_ns()) * 1e-9)


@dataclass(frozen=True, slots=True)
class Burst:
    """What polling around one edge gave: a bracket, or why there is none (plain words).

    ``denied``: the edge was certainly not where it was expected. Neither a bracket nor denied: this thread was late,
    and nothing is known.
    """

    bracket: Bracket | None
    problem: str = ""
    denied: bool = False


class EdgeFinder:
    """Polls ``register`` for the rising edges that come every ``period_ns``.

    ``clock`` gives the raw clock, ``sleep`` waits until it shows a time: whatever stands in for the register
    brings a clock and a sleep that belong to it.
    """

    def __init__(
        self,
        register: Register,
        period_ns: float,
        clock: Callable[[], int] = raw_ns,
        sleep: Callable[[int], None] = sleep_until,
    ) -> None:
        self._register = register
        self._period_ns = period_ns
        self._clock = clock
        self._sleep = sleep
        self._lead_ns = FIRST_LEAD_NS
        self._turn = 0.0
        self._poll_ns = 1_000.0

    def soonest_ns(self) -> int:
        """An edge before this moment cannot be waited for any more."""
        return self._clock() + self._lead_ns + GUARD_NS + LEAST_LEAD_NS

    def scan(self) -> Burst:
        """Look for the edge without knowing anything: a bracket some SCAN_NS wide. Takes two periods."""
        clock, level = self._clock, self._register.level
        start = low = clock()
        levels = set()
        was_low = False
        for k in range(round(SCAN_PERIODS * self._period_ns / SCAN_NS)):
            self._sleep(start + k * SCAN_NS)
            before = clock()
            is_high = level()
            after = clock()
            levels.add(is_high)
            if is_high and was_low and after - low < self._period_ns / 4:
                return Burst(Bracket(low, after, after - before))
            low, was_low = before, not is_high
        return Burst(None, _monotonous(levels))

    def burst(self, first_ns: int, last_ns: int) -> Burst:
        """Poll around the edge that is expected between two raw times. Blocks until then."""
        clock, level = self._clock, self._register.level
        self._turn = (self._turn + GOLDEN) % 1.0
        start_ns = first_ns - GUARD_NS - int(self._turn * self._poll_ns)
        self._sleep(start_ns - self._lead_ns)
        now = clock()
        if now > start_ns:
            self._lead_ns = min(2 * self._lead_ns, MOST_LEAD_NS)
        else:
            self._lead_ns = max(round(self._lead_ns * LEAD_SHRINKS), LEAST_LEAD_NS)
        while now < start_ns:
            now = clock()
        end_ns = now + MOST_POLLING_NS
        low_ns: int | None = None
        shortest_ns = MOST_POLLING_NS
        while True:
            before, is_high = now, level()
            now = clock()
            shortest_ns = min(shortest_ns, now - before)
            if is_high:
                break
            low_ns = before
            if low_ns > last_ns + AFTER_NS:
                return Burst(None, "the edge did not come", denied=True)
            if now > end_ns:
                return Burst(None, "the edge did not come while it was waited for")
        if low_ns is None:
            if now < first_ns:
                return Burst(None, "the pin is high before the edge should come", denied=True)
            return Burst(None, "woken after the edge")
        self._poll_ns += 0.1 * (min(shortest_ns, 10_000) - self._poll_ns)
        return Burst(Bracket(low_ns, now, shortest_ns))


def _monotonous(levels: set[int]) -> str:
    if len(levels) > 1:
        return "no rising edge in two periods: is it the PWM?"
    return f"the pin is always {'high' if 1 in levels else 'low'}: is the PWM on, and on this GPIO?"
