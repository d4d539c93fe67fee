"""What may reach chrony, and what may not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.publish.policy import CHRONY_LIMIT_PPM, CONFIRM_SECONDS, PublishPolicy


def track(ppm):
    return Estimate(State.TRACK, "", True, ppm)


def test_the_sign_is_chronys():
    assert PublishPolicy().decide(track(3.0)).published_ppm == -3.0


def test_the_baseline_is_taken_out():
    assert PublishPolicy().decide(track(23.25), baseline_ppm=23.0).published_ppm == -0.25


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=50))
def test_nothing_beyond_chronys_limit_is_ever_published(errors):
    policy = PublishPolicy()
    for ppm in errors:
        published = policy.decide(track(ppm)).published_ppm
        assert published is None or (math.isfinite(published) and abs(published) <= CHRONY_LIMIT_PPM)


def test_out_of_range_is_a_state_not_a_clipped_value():
    decision = PublishPolicy().decide(track(10.1))
    assert (decision.published_ppm, decision.state) == (None, State.HOLD)
    assert "out of range" in decision.reason


def test_a_lone_step_is_never_published():
    policy = PublishPolicy(max_step_ppm=1)
    values = [0.0, 0.1, 8.137, 0.1, 8.0, -8.0, 0.2]
    published = [policy.decide(track(value)).published_ppm for value in values]
    assert published == [0.0, -0.1, None, -0.1, None, None, -0.2]


def test_a_step_that_stays_is_published_after_confirmation():
    policy = PublishPolicy(max_step_ppm=1)
    policy.decide(track(0.0))
    published = [policy.decide(track(3.0)).published_ppm for _ in range(CONFIRM_SECONDS + 1)]
    assert published == [None] * (CONFIRM_SECONDS - 1) + [-3.0, -3.0]


@pytest.mark.parametrize("between", [12.0, math.nan, None])
def test_a_confirmation_is_of_consecutive_seconds(between):
    policy = PublishPolicy(max_step_ppm=1)
    policy.decide(track(0.0))
    step = [3.0] * (CONFIRM_SECONDS - 1)
    published = [policy.decide(track(ppm)).published_ppm for ppm in [*step, between, *step]]
    assert published == [None] * (2 * CONFIRM_SECONDS - 1)


def test_an_unusable_estimate_passes_its_reason_on():
    decision = PublishPolicy().decide(Estimate(State.HOLD, "GPS: gone", False, 1.0))
    assert decision == type(decision)(None, State.HOLD, "GPS: gone")


def test_zero_has_no_minus_sign():
    assert f"{PublishPolicy().decide(track(1e-9)).published_ppm:.6f}" == "0.000000"
