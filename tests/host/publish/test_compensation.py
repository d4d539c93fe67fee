"""What chrony gets after seconds without a value: nothing is corrected twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcxo_host.publish.baseline import NOT_APPLIED_YET, Baseline, StoredBaseline
from tcxo_host.publish.compensation import Compensation
from tcxo_host.publish.resume import CHRONY_LAG_S, Applied, share_of_drift, share_of_step

BOARD = "b"


def auto(ppm=0.0):
    return Baseline(None, StoredBaseline(ppm, BOARD, "k"), "k")


def begun(baseline, applied):
    return Compensation(baseline, lambda baseline_known, error_ppm: applied)


def held(seconds, moved_ppm, baseline=None, chrony=None):
    """The last value before and the first after a hold in which the crystal moved by ``moved_ppm``."""
    answers = iter(chrony or ())
    compensation = Compensation(
        baseline or auto(), chrony_ppm=(lambda: next(answers)) if chrony else lambda: None
    )
    before = compensation.second(1.0, BOARD, 0.0).value_ppm
    for second in range(1, seconds):
        assert compensation.second(None, BOARD, float(second)).value_ppm is None
    return before, compensation.second(1.0 + moved_ppm, BOARD, float(seconds))


def test_an_unbroken_row_is_minus_the_error_less_the_baseline():
    compensation = Compensation(auto(0.5))
    for second, error_ppm in enumerate((1.0, 1.2, 0.1, -3.0)):
        outcome = compensation.second(error_ppm, BOARD, float(second))
        assert outcome.value_ppm == pytest.approx(0.5 - error_ppm)
        assert outcome.baseline_ppm == 0.5
        assert not outcome.note


def test_after_an_hour_chrony_has_taken_up_the_change_and_the_baseline_moves_by_it():
    before, after = held(3600, 0.5)
    assert abs(after.value_ppm - before) <= 0.1
    assert after.baseline_ppm == pytest.approx(0.5, abs=0.1)
    assert after.value_ppm == pytest.approx(after.baseline_ppm - 1.5, abs=1e-6)
    assert "3600 s" in after.note


def test_after_40_s_most_of_the_change_is_still_to_be_applied():
    before, after = held(40, 0.2)
    assert after.value_ppm - before == pytest.approx(-0.2, abs=0.05)


def test_where_chrony_can_be_asked_it_is_believed():
    # it has taken up 0.15 of the 0.2 ppm already
    before, after = held(40, 0.2, chrony=(7.0, 7.15, 7.15))
    assert after.value_ppm - before == pytest.approx(-0.05)
    # and nothing at all, though an hour has passed
    before, after = held(3600, 0.2, chrony=(7.0, 7.0, 7.0))
    assert after.value_ppm - before == pytest.approx(-0.2)


def test_a_baseline_that_the_user_fixed_never_moves():
    before, after = held(3600, 0.5, Baseline(2.0))
    assert (before, after.value_ppm, after.baseline_ppm) == (1.0, 0.5, 2.0)


@given(
    seconds=st.integers(2, 100_000),
    moved_ppm=st.floats(-5, 5),
    baseline_ppm=st.floats(-2, 2),
)
def test_the_file_never_goes_beyond_the_change_nor_against_it(seconds, moved_ppm, baseline_ppm):
    before, after = held(min(seconds, 50), moved_ppm, auto(baseline_ppm))
    step_ppm = after.value_ppm - before
    assert min(0.0, -moved_ppm) - 1e-5 <= step_ppm <= max(0.0, -moved_ppm) + 1e-5


def test_many_short_holds_come_to_the_same_as_none():
    compensation = Compensation(auto())
    error_ppm = 1.0
    for second in range(0, 3000, 2):
        error_ppm += 0.0001
        outcome = compensation.second(error_ppm, BOARD, float(second))
        compensation.second(None, BOARD, second + 1.0)
    assert outcome.value_ppm == pytest.approx(-error_ppm, abs=0.01)


class TestBeginning:
    """A daemon that starts goes on from what chrony applies."""

    def test_a_restarted_daemon_goes_on_from_the_file(self):
        restarted = begun(auto(0.3), Applied(-1.2, 3.0))
        assert restarted.second(1.5, BOARD, 0.0).value_ppm == pytest.approx(-1.2, abs=0.001)
        long_stopped = begun(auto(0.0), Applied(-1.2, 7200.0)).second(1.7, BOARD, 0.0)
        assert long_stopped.value_ppm == pytest.approx(-1.2, abs=0.01)
        assert long_stopped.baseline_ppm == pytest.approx(0.5, abs=0.01)

    def test_soon_after_a_boot_chrony_has_not_taken_up_the_whole_error(self):
        early = begun(auto(), Applied(0.0, 10.0, at_start=True)).second(1.0, BOARD, 0.0)
        assert early.value_ppm == pytest.approx(-1.0, abs=0.1)
        late = begun(auto(), Applied(0.0, 1800.0, at_start=True)).second(1.0, BOARD, 0.0)
        assert late.value_ppm == pytest.approx(0.0, abs=0.001)
        assert late.baseline_ppm == pytest.approx(1.0, abs=0.001)

    def test_without_a_baseline_it_goes_on_exactly_from_what_is_applied(self):
        first = begun(Baseline(None), Applied(0.0, 1e6)).second(23.4, BOARD, 0.0)
        assert (first.value_ppm, first.baseline_ppm) == (0.0, 23.4)

    def test_without_any_knowledge_the_baseline_is_decided_as_ever(self):
        first = Compensation(Baseline(None)).second(23.4, BOARD, 0.0)
        assert (first.value_ppm, first.baseline_ppm) == (pytest.approx(-0.4), 23.0)


def test_a_baseline_set_by_hand_is_applied_at_once_and_once():
    baseline = Baseline(None, StoredBaseline(23.0, "", "k", NOT_APPLIED_YET), "k")
    compensation = begun(baseline, Applied(-5.0, 3600.0))
    assert compensation.second(25.0, BOARD, 0.0).value_ppm == -2.0
    assert not baseline.is_to_be_applied
    after = begun(baseline, Applied(-2.0, 3600.0)).second(25.5, BOARD, 0.0)
    assert after.value_ppm == pytest.approx(-2.0, abs=0.05)


def test_out_of_range_is_held_and_comes_back_as_chrony_takes_up_the_rest():
    compensation = Compensation(auto())
    assert compensation.second(9.9, BOARD, 0.0).value_ppm == -9.9
    outcome = compensation.second(10.4, BOARD, 1.0)
    assert outcome.value_ppm is None
    assert outcome.reason.startswith("out of range: -10.400 ppm")
    second = 2.0
    while (outcome := compensation.second(10.4, BOARD, second)).value_ppm is None and second < 10_000:
        second += 1.0
    assert -10.0 <= outcome.value_ppm < -9.9
    assert outcome.value_ppm == pytest.approx(outcome.baseline_ppm - 10.4, abs=1e-6)


@pytest.mark.parametrize(("share", "least"), [(share_of_drift, 0.0), (share_of_step, 0.0)])
def test_the_shares_grow_from_0_to_1(share, least):
    shares = [share(held_s) for held_s in (-1.0, 0.0, 1e-6, 1.0, 40.0, CHRONY_LAG_S, 3600.0, 1e9)]
    assert shares == sorted(shares)
    assert (shares[0], shares[1]) == (0.0, 0.0)
    assert shares[-1] == pytest.approx(1.0)


def test_another_board_goes_on_from_the_last_value():
    """The Pi's crystal is the same, and so is what chrony corrects."""
    compensation = Compensation(auto(4.8))
    before = compensation.second(4.9, BOARD, 0.0)
    after = compensation.second(4.9, "another", 20.0)
    assert (after.value_ppm, after.baseline_ppm) == (before.value_ppm, pytest.approx(4.8))
    assert after.note
