"""The self-test's steps and its wire, for every board."""

import pytest
from tcxo_host.errors import DataError, UsageError
from tcxo_host.flash.files import board_data, real_boards
from tcxo_host.flash.selftest.plan import choose_channels, output_of, signals, wire

TESTED = [name for name in real_boards() if board_data(name)["selftest"]]
EVERY = pytest.mark.parametrize("name", [*TESTED, "SIM"])


@EVERY
def test_each_signal_divides_the_counter_s_rate_exactly_and_fits_a_16_bit_timer(name):
    board = board_data(name)
    steps = signals(board, choose_channels(board, "all"), board["tick_hz"])
    assert [step.rate_hz for step in steps] == [1, 50, 200, 1000, 2000]
    for step in steps:
        assert (step.prescaler + 1) * (step.reload + 1) * step.rate_hz == board["tick_hz"]
        assert 0 <= step.prescaler <= 0xFFFF
        assert 0 < step.reload <= 0xFFFF
        assert 0 < step.before_wrap < 1 << 31
    assert sum(step.before_wrap > 0 for step in steps) >= 3
    assert max(step.pause_ms for step in steps) == 2000


@EVERY
def test_the_pwm_alone_is_tested_at_its_own_rate_and_swept(name):
    board = board_data(name)
    channels = choose_channels(board, None)
    assert channels == (3,)
    rates = [step.rate_hz for step in signals(board, channels, board["tick_hz"])]
    assert rates == [50, 200, 1000, 2000]


def test_the_place_of_the_wire_is_told_for_each_board():
    told = {name: wire(board_data(name), (3,)) for name in TESTED}
    assert told == {
        "PYBV11": "from Y3 to X3 (host_pwm)",
        "TCXO_DEVBOARD": "from B8 to A2 (host_pwm)",
        "WEACT_F405": "from B8 to A2 (host_pwm)",
        "WEACT_F411_BLACKPILL": "from B8 to B10 (host_pwm)",
    }
    everywhere = wire(board_data("PYBV11"), (1, 2, 3))
    assert everywhere == "from Y3 to X1 (gps_pps), X2 (rtc_pps) and X3 (host_pwm)"


def test_channels_are_named_by_id_or_role():
    board = board_data("PYBV11")
    assert choose_channels(board, "1,host_pwm") == (1, 3)
    assert choose_channels(board, " 2 ") == (2,)
    assert choose_channels(board, "all") == (1, 2, 3)
    for wrong in ("4", "aux", "gps", "1,,2"):
        with pytest.raises(
            UsageError, match=r"the board has 1 \(gps_pps\), 2 \(rtc_pps\), 3 \(host_pwm\), or say all"
        ):
            choose_channels(board, wrong)


def test_a_board_without_an_output_or_with_an_odd_rate_is_told():
    board = board_data("PYBV11")
    with pytest.raises(DataError, match="names no output for the self-test"):
        output_of({key: value for key, value in board.items() if key != "selftest"})
    with pytest.raises(DataError, match="no self-test for NUCLEO_F446RE: it has no USB port of its own"):
        output_of(board_data("NUCLEO_F446RE"))
    with pytest.raises(DataError, match="no 50 Hz can be made of the board's 84000001 Hz"):
        signals(board, (3,), 84_000_001)


def test_a_board_with_a_clock_from_outside_is_refused_with_the_way_round():
    with pytest.raises(DataError, match="PYBV11_10MHZ counts a clock from outside") as refused:
        output_of(board_data("PYBV11_10MHZ"))
    assert "tcxo-flash --board PYBV11, then --selftest" in str(refused.value)
