"""Following the pin: found by itself, kept with one burst a second, looked for anew when it is gone."""

from fractions import Fraction

import pytest
from host.publish.phase.test_pin import PERIOD_NS, Pin, next_edge
from tcxo_host.publish.phase.meter import EdgeMeter
from tcxo_host.publish.phase.tracker import JUMPED, EdgeTracker


def meter_of(pin):
    return EdgeMeter(pin.finder(), EdgeTracker(Fraction(PERIOD_NS)))


def error_ns(meter, pin):
    phase = meter.tracker.at(pin.now_ns)
    _, after_ns = phase.edge_before(pin.now_ns)
    edge = next_edge(pin.now_ns - pin.moved_ns) + pin.moved_ns
    return (edge - PERIOD_NS) - (pin.now_ns - after_ns), phase


def run(meter, pin, seconds):
    for _ in range(seconds):
        pin.now_ns += 950_000_000
        meter.second()


def test_it_finds_the_edge_and_then_reads_the_pin_some_fifty_times_a_second():
    pin = Pin()
    meter = meter_of(pin)
    run(meter, pin, 5)
    before = pin.reads
    run(meter, pin, 100)
    error, phase = error_ns(meter, pin)
    assert abs(error) <= phase.half_width_ns
    assert phase.half_width_ns < 200
    assert meter.problem == ""
    assert pin.reads - before < 100 * 60


@pytest.mark.parametrize(("levels", "word"), [(0, "low"), (1, "high")])
def test_a_pin_that_stops_is_told_and_one_that_comes_back_elsewhere_is_found(levels, word):
    pin = Pin()
    meter = meter_of(pin)
    run(meter, pin, 20)
    pin.levels = levels
    run(meter, pin, JUMPED + 1)
    assert meter.tracker.at(pin.now_ns) is None
    assert meter.problem == f"the pin is always {word}: is the PWM on, and on this GPIO?"
    pin.levels = None
    pin.now_ns += 3_000_000
    run(meter, pin, 20)
    error, phase = error_ns(meter, pin)
    assert abs(error) <= phase.half_width_ns
    assert meter.problem == ""


def test_waking_late_for_a_while_loses_nothing():
    pin = Pin()
    meter = meter_of(pin)
    run(meter, pin, 20)
    generation = meter.tracker.at(pin.now_ns).generation
    pin.sleep_late_ns = 2_000_000
    run(meter, pin, 15)
    assert meter.problem == "woken after the edge"
    pin.sleep_late_ns = 60_000
    run(meter, pin, 20)
    _, phase = error_ns(meter, pin)
    assert (phase.generation, meter.problem) == (generation, "")


@pytest.mark.parametrize("moved_ns", [3_000, -3_000, 50_000, 5_000_000])
def test_edges_that_moved_out_of_the_burst_are_denied_at_once(moved_ns):
    """Late polls bracket the new edge and the old one alike: they must not keep the old one alive."""
    pin = Pin()
    meter = meter_of(pin)
    run(meter, pin, 20)
    pin.moved_ns = moved_ns
    run(meter, pin, 1)
    assert meter.tracker.at(pin.now_ns).in_doubt
    run(meter, pin, JUMPED + 2)
    error, phase = error_ns(meter, pin)
    assert abs(error) <= phase.half_width_ns
    assert (meter.tracker.jumps, phase.in_doubt) == (1, False)
