"""What the kernel tells of its clock and of its PPS."""

import ctypes

from tcxo_host.publish.phase import witness
from tcxo_host.publish.phase.witness import KernelPps, system_bound_ns


def test_the_kernels_bound_is_read_and_an_unset_clock_has_none():
    bound_ns = system_bound_ns()
    assert bound_ns is None or 0 <= bound_ns <= 5e8


def test_a_bound_is_in_microseconds(monkeypatch):
    class Libc:
        def __init__(self, *_, **__): ...

        def adjtimex(self, timex):
            timex._obj.maxerror = self.maxerror
            return 0

    monkeypatch.setattr(ctypes, "CDLL", Libc)
    Libc.maxerror = 1234
    assert witness.system_bound_ns() == 1_234_000.0
    Libc.maxerror = 16_000_000
    assert witness.system_bound_ns() is None


def test_a_pulse_is_told_once(tmp_path):
    path = tmp_path / "assert"
    pps = KernelPps(str(path))
    assert pps.after_ns() is None
    path.write_text("1700000000.000012345#41\n")
    assert pps.after_ns() == 12_345.0
    assert pps.after_ns() is None
    path.write_text("1700000001.999998000#42\n")
    assert pps.after_ns() == 999_998_000.0
    path.write_text("nonsense")
    assert pps.after_ns() is None
