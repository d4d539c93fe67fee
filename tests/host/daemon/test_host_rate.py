"""The nominal rate of this computer's signal is the configuration's, whatever the board was made for."""

import dataclasses

import pytest
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.sim.frames import FrameSource
from tcxo_host.sim.scenario import Pwm, load_scenario
from tcxo_host.sim.world import World

SECONDS = 90


def rows(rate_hz, estimator="kalman", told_hz=None):
    scenario = dataclasses.replace(load_scenario("steady"), pwm=Pwm(rate_hz=rate_hz))
    world, source = World(scenario, 1), FrameSource(scenario.tick_hz)
    # the simulated board says that it expects 50 Hz, whatever the scenario's rate
    pipeline = Pipeline(make_estimator(estimator), PublishPolicy(), host_rate_hz=told_hz)
    made = []
    for second in range(SECONDS):
        for payload in source.payloads(world.step()):
            made += [each for each in pipeline.feed(second * 10**9, payload) if isinstance(each, Row)]
    return made, pipeline


@pytest.mark.parametrize("estimator", ["kalman", "boxcar64"])
@pytest.mark.parametrize("rate_hz", [48, 100])
def test_a_board_made_for_50_hz_measures_another_rate_that_it_is_not_told(rate_hz, estimator):
    made, pipeline = rows(rate_hz, estimator, float(rate_hz))
    assert made[-1].published_ppm == pytest.approx(-0.3, abs=0.01)
    assert pipeline.collector.ledgers["host_pwm"].rate_hz == rate_hz
    assert pipeline.collector.ledgers["host_pwm"].lost == 0


def test_without_the_configuration_it_is_another_signal():
    made, _ = rows(48)
    assert made[-1].published_ppm is None
    assert "nominal rate" in made[-1].reason
