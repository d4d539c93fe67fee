"""What is believed of an estimate, and what is not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.publish.policy import CONFIRM_SECONDS, LARGEST_PPM, PublishPolicy


def track(ppm):
    return Estimate(State.TRACK, "", ppm)


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=50))
def test_only_numbers_that_a_crystal_can_have_are_believed(errors):
    policy = PublishPolicy()
    for ppm in errors:
        believed = policy.decide(track(ppm)).error_ppm
        assert believed is None or (believed == ppm and abs(believed) <= LARGEST_PPM)


@pytest.mark.parametrize("ppm", [math.inf, -math.inf, math.nan, 501.0])
def test_what_is_not_believed_has_a_reason(ppm):
    decision = PublishPolicy().decide(track(ppm))
    assert (decision.error_ppm, decision.state) == (None, State.HOLD)
    assert decision.reason


def test_a_lone_step_is_never_believed():
    policy = PublishPolicy(max_step_ppm=1)
    values = [0.0, 0.1, 8.137, 0.1, 8.0, -8.0, 0.2]
    believed = [policy.decide(track(value)).error_ppm for value in values]
    assert believed == [0.0, 0.1, None, 0.1, None, None, 0.2]


def test_a_step_that_stays_is_believed_after_confirmation():
    policy = PublishPolicy(max_step_ppm=1)
    policy.decide(track(0.0))
    believed = [policy.decide(track(3.0)).error_ppm for _ in range(CONFIRM_SECONDS + 1)]
    assert believed == [None] * (CONFIRM_SECONDS - 1) + [3.0, 3.0]


@pytest.mark.parametrize("between", [12.0, math.nan, None])
def test_a_confirmation_is_of_consecutive_seconds(between):
    policy = PublishPolicy(max_step_ppm=1)
    policy.decide(track(0.0))
    step = [3.0] * (CONFIRM_SECONDS - 1)
    believed = [policy.decide(track(ppm)).error_ppm for ppm in [*step, between, *step]]
    assert believed == [None] * (2 * CONFIRM_SECONDS - 1)


def test_an_unusable_estimate_passes_its_reason_on():
    decision = PublishPolicy().decide(Estimate(State.HOLD, "GPS: gone", 1.0))
    assert decision == type(decision)(None, State.HOLD, "GPS: gone")


def test_a_step_that_the_edges_confirm_needs_no_waiting():
    policy = PublishPolicy(max_step_ppm=1)
    policy.decide(track(0.0))
    assert policy.decide(Estimate(State.TRACK, "", 3.0, confirmed=True)).error_ppm == 3.0
