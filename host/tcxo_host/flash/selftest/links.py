"""Serial line and I2C at once: whether both say the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .finding import FAILED, OK, Finding
from .recording import Recording

__all__ = ["compare"]


def compare(serial: Recording, i2c: Recording, channels: Sequence[int], trouble: str = "") -> Finding:
    """A torn read that was accepted would give an edge that the serial line does not know, or at another tick.

    ``i2c.line`` has the reads that were refused as torn or failed, and tried again; ``trouble`` is why the link ended.
    What I2C missed is no fault: above its capacity pages are overwritten, which it counts.
    """
    same = torn = 0
    for channel in channels:
        sent, read = serial.capture(channel), i2c.capture(channel)
        known = dict(zip(sent.numbers.tolist(), sent.ticks.tolist(), strict=True))
        newest = max(known, default=-1)
        for number, tick in zip(read.numbers.tolist(), read.ticks.tolist(), strict=True):
            if number <= newest:  # what I2C had after the serial line was let go is not compared
                same += known.get(number) == tick
                torn += known.get(number) != tick
    told = f"{same} edges as on the serial line, {i2c.line.bad_frames} torn or failed reads"
    if trouble:
        return Finding("i2c", FAILED, trouble)
    if torn:
        return Finding(
            "i2c", FAILED, f"{torn} edges came otherwise than on the serial line: torn reads accepted"
        )
    if not same:
        return Finding("i2c", FAILED, "no edge came over I2C: check its wires and pull-ups")
    return Finding("i2c", OK, f"{told}, 0 accepted")
