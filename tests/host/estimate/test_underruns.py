"""A UART that had nothing to send for a while: its edges go on at another phase, and the rate is the same.

The edges are a simulated Pi's; from a pause on they come later by its length. Rounding to ticks was done before
the pause and is done for it again, as on the board.
"""

import dataclasses

import numpy as np
import pytest
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.estimate.kalman.filter.clock_model import Levels
from tcxo_host.estimate.kalman.filter.clocks import Clocks
from tcxo_host.estimate.kalman.filter.comb import Comb
from tcxo_host.estimate.kalman.track.pwm import PwmTracker
from tcxo_host.sim.scenario import Pwm, load_scenario
from tcxo_host.sim.world import World

TICK_HZ = 84_000_000
START_S = 300
MOMENTS_S = (0.0, 0.013, 0.33, 0.5, 0.71, 0.985)
RATES_HZ = (50, 48)


@pytest.fixture(scope="module", params=RATES_HZ)
def signal(request):
    """A quiet hour's beginning: rate, seconds of edges, and what is published without any pause, ppm."""
    scenario = dataclasses.replace(load_scenario("steady"), pwm=Pwm(rate_hz=request.param))
    world = World(scenario, 1)
    seconds = [world.step() for _ in range(START_S + 45)]
    return request.param, seconds, published(request.param, seconds, ())


def published(rate_hz, seconds, pauses):
    """What is published each second, ppm, nan while nothing is; ``pauses``: (when, how long), seconds."""
    kalman = Kalman()
    kalman.restart(Board("b", 1, TICK_HZ, {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": float(rate_hz)}))
    values, late = [], np.empty(0, np.int64)
    for second in seconds:
        edges = second.edges["host_pwm"].copy()
        moved = edges.copy()
        for at_s, pause_s in pauses:
            moved[edges >= round(at_s * TICK_HZ)] += round(pause_s * TICK_HZ)
        edges = np.concatenate([late, moved])
        late, edges = edges[edges >= second.tick_end], edges[edges < second.tick_end]
        ticks = {**second.edges, "host_pwm": edges}
        estimate = kalman.update(Second(second.tick_end, ticks, {}, second.temperature_c))
        values.append(estimate.freq_error_ppm if estimate.usable else np.nan)
    return np.array(values)


@pytest.mark.parametrize("bits_16ths", [1, 7, 79, 80, 81, 145, 159, 267, 2480])
def test_a_pause_of_any_length_changes_the_phase_and_never_the_rate(signal, bits_16ths):
    rate_hz, seconds, undisturbed = signal
    pause_s = bits_16ths / 160 / rate_hz
    for moment_s in MOMENTS_S:
        values = published(rate_hz, seconds, [(START_S + moment_s, pause_s)])
        moved_ppm = np.abs(values - undisturbed)[START_S - 1 :]
        assert np.nanmax(moved_ppm) < 0.002, (pause_s, moment_s)
        assert np.isnan(moved_ppm).sum() <= 1


@pytest.mark.parametrize("pause_s", [1.7, 2.9013, 5.3])
def test_after_seconds_of_silence_the_rate_is_the_same(signal, pause_s):
    rate_hz, seconds, undisturbed = signal
    values = published(rate_hz, seconds, [(START_S + 0.4, pause_s)])
    moved_ppm = np.abs(values - undisturbed)[START_S - 1 :]
    assert np.nanmax(moved_ppm) < 0.002
    assert np.isnan(moved_ppm).sum() <= 4


def test_several_pauses_in_a_second_are_no_rate_either(signal):
    rate_hz, seconds, undisturbed = signal
    pauses = [(START_S + 0.21, 0.0031), (START_S + 0.52, 0.0114), (START_S + 0.9, 0.0042)]
    moved_ppm = np.abs(published(rate_hz, seconds, pauses) - undisturbed)[START_S - 1 :]
    assert np.nanmax(moved_ppm) < 0.002
    assert np.isnan(moved_ppm).sum() <= 4


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_edges_that_do_not_fall_into_equal_groups_are_judged_too(rate_hz):
    world = World(dataclasses.replace(load_scenario("steady"), pwm=Pwm(rate_hz=rate_hz)), 1)
    clocks = Clocks(float(TICK_HZ), 0, Levels())
    tracker = PwmTracker(Comb(float(TICK_HZ), float(rate_hz)))
    scatters = []
    for second in (world.step() for _ in range(40)):
        tracker.take(clocks, second.edges["host_pwm"], second.tick_end)
        scatters.append(tracker.scatter)
    edge_variances = [each[0] for each in scatters if each is not None]
    assert len(edge_variances) >= 5
    assert np.mean(edge_variances) == pytest.approx((1e9 / TICK_HZ) ** 2 / 12, rel=0.5)
