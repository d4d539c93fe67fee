"""From the crystal's error to the number for chrony."""

from tcxo_host.publish.baseline import Baseline, StoredBaseline
from tcxo_host.publish.compensation import Compensation


def test_it_is_minus_the_error_less_the_baseline():
    outcome = Compensation(Baseline(None, StoredBaseline(23.0, "b", "k"), "k")).second(23.25, "b")
    assert (outcome.value_ppm, outcome.baseline_ppm, outcome.reason) == (-0.25, 23.0, "")


def test_nothing_is_made_of_nothing():
    assert Compensation(Baseline(2.0)).second(None, "b").value_ppm is None


def test_out_of_range_is_held_and_never_clipped():
    outcome = Compensation(Baseline(0.0)).second(10.1, "b")
    assert outcome.value_ppm is None
    assert outcome.reason.startswith("out of range: -10.100 ppm")
