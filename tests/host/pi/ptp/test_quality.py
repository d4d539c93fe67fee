"""What is claimed of the clock: 6 only while all is well, less at once when it is not, and honest bounds."""

import dataclasses

import pytest
from tcxo_host.daemon.chronyc import Tracking
from tcxo_host.pi.ptp.pmc import fields_of
from tcxo_host.pi.ptp.quality import Clock, accuracy_code, set_command
from tcxo_host.pi.ptp.tai import listed_offset

UTC_S = 1_780_000_000.0
GOOD = Tracking("PPS", 1, UTC_S - 5, 20e-9, 60e-9, -12.3, 0.0, 0.01, "Normal")


def quality(clock, now_s, state="track", tracking=GOOD, utc_s=UTC_S):
    return clock.quality(now_s, state, 0.002, tracking, utc_s, (37, True))


@pytest.fixture
def clock():
    return Clock(3600.0, ptp_timescale=True)


def test_all_well_is_class_6(clock):
    told = quality(clock, 0.0)
    assert (told.clock_class, told.accuracy, told.source) == (6, 0x22, 0x20)
    assert told.traceable
    assert told.ptp_timescale
    assert (told.utc_offset_s, told.utc_offset_valid) == (37, True)


@pytest.mark.parametrize(
    ("state", "tracking"),
    [
        ("holdover", GOOD),
        ("hold", GOOD),
        ("acquire", GOOD),
        ("track", None),
        ("track", dataclasses.replace(GOOD, stratum=2)),
        ("track", dataclasses.replace(GOOD, reference="7F7F0101")),
        ("track", dataclasses.replace(GOOD, leap="Not synchronised")),
        ("track", dataclasses.replace(GOOD, updated_utc_s=UTC_S - 300)),
        ("track", dataclasses.replace(GOOD, updated_utc_s=UTC_S + 300)),
    ],
)
def test_anything_less_is_never_6(clock, state, tracking):
    assert quality(Clock(3600.0, ptp_timescale=True), 0.0, state, tracking).clock_class == 248
    quality(clock, 0.0)
    told = quality(clock, 1.0, state, tracking)
    assert told.clock_class == 7
    assert told.source == 0xA0


def test_holdover_ends_with_its_specification_and_its_bound_grows(clock):
    quality(clock, 0.0)
    codes = [quality(clock, float(t), "holdover").accuracy for t in (1, 600, 3600)]
    assert codes == sorted(codes)
    assert codes[-1] == accuracy_code(180e-9 + 3600 * 6e-9)
    late = quality(clock, 3601.0, "holdover")
    assert (late.clock_class, late.accuracy, late.traceable) == (52, 0xFE, False)
    assert quality(clock, 3602.0).clock_class == 6


def test_a_hold_of_a_moment_is_not_the_end_but_one_of_a_minute_is(clock):
    quality(clock, 0.0)
    assert quality(clock, 59.0, "hold").clock_class == 7
    assert quality(clock, 61.0, "hold").clock_class == 52


def test_when_the_daemon_ends_the_claim_does(clock):
    assert clock.lost().clock_class == 248
    quality(clock, 0.0)
    assert clock.lost().clock_class == 52


def test_a_lost_clock_does_not_jump_by_the_leap_seconds_that_it_knew(clock):
    clock.quality(0.0, "track", 0.002, GOOD, UTC_S, (38, True))
    assert clock.lost().utc_offset_s == 38


@pytest.mark.parametrize(
    ("bound_s", "code"),
    [(0.0, 0x20), (25e-9, 0x20), (26e-9, 0x21), (1.1e-6, 0x24), (9.0, 0x30), (11.0, 0xFE)],
)
def test_accuracy_is_the_smallest_that_holds(bound_s, code):
    assert accuracy_code(bound_s) == code


def test_a_leap_second_is_announced(clock):
    told = quality(clock, 0.0, tracking=dataclasses.replace(GOOD, leap="Insert second"))
    assert (told.leap61, told.leap59) == (True, False)
    assert " leap61 1 leap59 0 " in set_command(told)


LEAPS = (
    "# comment\n#@ 3991593600\n3644697600      36      # 1 Jul 2015\n3692217600      37      # 1 Jan 2017\n"
)


@pytest.mark.parametrize(
    ("text", "utc_s", "expected"),
    [
        (LEAPS, UTC_S, (37, True)),
        (LEAPS, 1_450_000_000.0, (36, True)),
        (LEAPS, 1_790_000_000.0, (37, False)),
        ("", UTC_S, (37, False)),
        ("#@ x\n1 2 3\nnonsense\n\0\n", UTC_S, (37, False)),
    ],
)
def test_tai_is_ahead_as_the_list_says_and_only_until_it_expires(text, utc_s, expected):
    assert listed_offset(text, utc_s) == expected


def test_an_answer_that_is_none():
    assert fields_of("", "PORT_DATA_SET") is None
    assert (
        fields_of("sending: GET\n\t1 seq 0 MANAGEMENT_ERROR_STATUS PORT_DATA_SET \n", "PORT_DATA_SET") is None
    )
