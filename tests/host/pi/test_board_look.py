"""What a few seconds at the board's link tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tcxo_host.errors import LinkError
from tcxo_host.link.interface import Link, Received
from tcxo_host.pi.doctor.board_look import look_at_board, look_at_status
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import Channel, ChannelCounts, Edges, Identify, Status, build_record
from tcxo_protocol.spec import Role

TICK_HZ = 84_000_000
WHO = Identify(
    boot_id=1,
    reset_cause=1,
    tick_hz=TICK_HZ,
    counter_bits=32,
    firmware_version="0.1.0",
    board="PYBv1.1",
    micropython_version="1.26",
    channels=(
        Channel(1, Role.GPS_PPS, 1000, "X1"),
        Channel(2, Role.RTC_PPS, 1000, "X2"),
        Channel(3, Role.HOST_PWM, 50_000, "X3"),
    ),
)


class ScriptedLink:
    """Hands out one payload a read, 0.1 s apart on its own clock; answers ``id`` when told to."""

    url = "serial:/dev/ttyACM0"
    counts = LineCounts()

    def __init__(self, payloads: list[bytes], identify: bool = True) -> None:
        self.payloads = payloads
        self.identify = identify
        self.sent: list[str] = []
        self.closed = False
        self.now_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def read(self, timeout_s: float) -> list[Received]:
        self.now_s += 0.1
        if self.identify and "id" in self.sent:
            self.sent.remove("id")
            return [Received(0, build_record(WHO))]
        return [Received(0, self.payloads.pop(0))] if self.payloads else []

    def send(self, command: str) -> None:
        self.sent.append(command)

    def close(self) -> None:
        self.closed = True


def edges(channel: int, rate_hz: float, count: int, start: int = 1000) -> bytes:
    ticks = tuple(start + round(i * TICK_HZ / rate_hz) for i in range(count))
    return build_record(Edges(channel, 0, 0, ticks))


def opener(link: ScriptedLink) -> Callable[[str], Link]:
    return lambda url: link


def test_identity_rates_and_silence_of_each_channel() -> None:
    status = Status(1, 2, 3, 0, None, None, None, (ChannelCounts(3, 100, 2, 0),))
    link = ScriptedLink([edges(1, 1, 3), edges(3, 50.001, 100), build_record(status)])
    look = look_at_board("serial:x", opener(link), clock=link.clock)
    assert (look.board, look.firmware, look.protocol, look.problem) == ("PYBv1.1", "0.1.0", "1.2", "")
    assert look.channels["gps_pps"].rate_hz == pytest.approx(1)
    assert look.channels["host_pwm"].rate_hz == pytest.approx(50.001, rel=1e-6)
    assert look.channels["host_pwm"].overcaptures == 2
    assert (look.channels["rtc_pps"].edges, look.channels["rtc_pps"].rate_hz) == (0, None)
    assert link.closed


def test_a_silent_board_and_one_that_babbles() -> None:
    link = ScriptedLink([], identify=False)
    assert "says nothing" in look_at_board("serial:x", opener(link), clock=link.clock).problem
    assert link.sent.count("id") > 2
    link = ScriptedLink([edges(1, 1, 2)], identify=False)
    assert "does not say who it is" in look_at_board("serial:x", opener(link), clock=link.clock).problem


def test_one_record_that_is_not_sound_spoils_no_look() -> None:
    link = ScriptedLink([b"\2\1\0\7", edges(1, 1, 3)])
    look = look_at_board("serial:x", opener(link), clock=link.clock)
    assert (look.problem, look.channels["gps_pps"].edges) == ("", 3)


def test_no_device_and_another_protocol_are_problems_with_remedies() -> None:
    def refuse(url: str) -> Link:
        raise LinkError("/dev/ttyACM0: permission denied", "add the user to the group that owns it")

    look = look_at_board("serial:/dev/ttyACM0", refuse)
    assert look.problem == "/dev/ttyACM0: permission denied"
    assert look.remedy.startswith("add the user")
    newer = bytearray(build_record(WHO))
    newer[3] = 9  # the major version stands first in the body
    link = ScriptedLink([bytes(newer)], identify=False)
    assert "protocol 9." in look_at_board("serial:x", opener(link), clock=link.clock).problem


def test_a_status_file_without_a_board_is_no_answer() -> None:
    assert look_at_status({"board": None}, "/run/x") is None
