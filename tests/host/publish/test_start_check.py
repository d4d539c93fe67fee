"""What an earlier run knew of the clocks, against a receiver that is wrong from the start."""

import pytest
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.publish.start_check import BELIEVED_AFTER_S, LEARNED_S, Remembered, StartCheck

TCXO, RTC, PI = 0.47, -1.2, 0.3
SIGMA = 0.001
KNOWN = Remembered("b", (TCXO, SIGMA), (RTC, SIGMA), (PI, SIGMA))


def seen(tcxo=0.0, rtc=0.0, pi=0.0, state=State.TRACK):
    """An estimate in which each clock has moved by so much since the earlier run."""
    return Estimate(state, "", PI + pi, SIGMA, TCXO + tcxo, SIGMA, None if rtc is None else RTC + rtc, SIGMA)


def doubt(estimate, remembered=KNOWN, board="b"):
    return StartCheck(remembered).doubt(estimate, 0.0, board)


@pytest.mark.parametrize("ppm", [1.2, -1.2, 0.2, -0.15])
def test_a_receiver_by_its_own_crystal_moves_all_clocks_alike(ppm):
    assert "contradicts" in doubt(seen(ppm, ppm, ppm))
    assert "contradicts" in doubt(seen(ppm, None, ppm))


@pytest.mark.parametrize("pi", [-0.4, 0.0, 0.4])
def test_swapped_wires_of_gps_and_rtc_are_noticed(pi):
    # against the RTC's pulses TCXO and Pi have moved by 1.2 ppm, and what is now the RTC, GPS itself, by twice that
    assert "swapped" in doubt(seen(1.2, 2.4, 1.2 + pi))


@pytest.mark.parametrize("ppm", [1.0, -3.0])
def test_a_counter_that_moved_is_told_from_it(ppm):
    """An ordinary crystal in another weather: the RTC, or a Pi that moved less, vouches for GPS."""
    assert doubt(seen(ppm, 0.05, 0.9 * ppm)) == ""
    assert doubt(seen(ppm, 0.5, 0.3)) == ""
    assert doubt(seen(ppm, None, 0.3)) == ""


def test_what_clocks_do_over_days_is_no_contradiction():
    assert doubt(seen(0.09, 0.5, 1.5)) == ""


@pytest.mark.parametrize(
    "remembered", [Remembered(), Remembered.of_state({}), Remembered.of_state({"slots": []})]
)
def test_without_a_memory_nothing_contradicts(remembered):
    assert doubt(seen(5.0, 5.0, 5.0), remembered) == ""


def test_a_memory_of_another_board_is_none():
    assert doubt(seen(1.2, 1.2, 1.2), board="other") == ""


def test_one_agreement_ends_the_check_and_so_does_an_hour():
    check = StartCheck(KNOWN)
    assert check.doubt(seen(1.2, 1.2, 1.2), 0.0, "b") != ""
    assert check.doubt(seen(), 1.0, "b") == ""
    assert check.doubt(seen(1.2, 1.2, 1.2), 2.0, "b") == ""
    stubborn = StartCheck(KNOWN)
    for second in (0.0, 1.0, BELIEVED_AFTER_S):
        assert stubborn.doubt(seen(1.2, 1.2, 1.2), second, "b") != ""
    assert stubborn.doubt(seen(1.2, 1.2, 1.2), BELIEVED_AFTER_S + 1, "b") == ""


def test_a_tcxo_that_was_learned_for_minutes_only_carries_no_holdover():
    check = StartCheck(Remembered())
    for second in range(int(LEARNED_S)):
        assert check.doubt(seen(), float(second), "b") == ""
    assert "known well enough" in check.doubt(seen(state=State.HOLDOVER), LEARNED_S, "b")
    assert check.doubt(seen(), LEARNED_S + 1, "b") == ""
    assert check.doubt(seen(state=State.HOLDOVER), LEARNED_S + 2, "b") == ""


def test_the_state_of_kalman_has_rates_against_the_counter():
    state = {
        "board_id": "b",
        "rates": {
            "gps_rate": {"ppb": -470.0, "sigma_ppb": 3.0},
            "pi_rate": {"ppb": -170.0, "sigma_ppb": 4.0},
            "rtc_rate": {"ppb": -1670.0, "sigma_ppb": 0.0},
        },
    }
    remembered = Remembered.of_state(state)
    assert remembered.tcxo == pytest.approx((0.47, 0.003))
    assert remembered.pi == pytest.approx((0.3, 0.005))
    assert remembered.rtc == pytest.approx((-1.2, 0.003))


def test_going_on_from_memory_alone_does_not_vouch_for_gps():
    check = StartCheck(KNOWN)
    for second in range(0, 7200, 10):
        assert check.doubt(seen(state=State.HOLDOVER), float(second), "b") == ""
    assert not check.is_passed
    assert "contradicts" in check.doubt(seen(1.2, 1.2, 1.2), 7200.0, "b")


def test_what_is_learned_may_replace_the_memory_once_gps_agrees():
    check = StartCheck(KNOWN)
    assert not check.is_passed
    check.doubt(seen(1.2, 1.2, 1.2), 0.0, "b")
    assert not check.is_passed
    check.doubt(seen(), 1.0, "b")
    assert check.is_passed
    assert StartCheck(Remembered()).is_passed


def test_nothing_is_learned_while_no_second_closes():
    check = StartCheck(Remembered())
    check.doubt(seen(), 0.0, "b")
    check.doubt(seen(), 2 * LEARNED_S, "b")
    assert "before the TCXO was known" in check.doubt(seen(state=State.HOLDOVER), 2 * LEARNED_S + 1, "b")
