"""The turnover where it is within reach, else as low as room and load allow; and sensors' steps."""

import pytest
from tcxo_host.pi.heat.learn.curve import Turnover
from tcxo_host.pi.heat.oven.sensor_grid import SensorGrid
from tcxo_host.pi.heat.oven.set_point import Reach, choose

REACH = Reach(free_high_c=52.0, burn_high_c=70.0)


@pytest.mark.parametrize(
    ("turnover_c", "expected_c", "words"),
    [
        (60.0, 60.0, "the turnover"),
        (54.0, 55.0, "out of reach"),
        (68.0, 55.0, "out of reach"),
        (None, 55.0, "is not known"),
    ],
)
def test_the_choice(turnover_c, expected_c, words):
    turnover = turnover_c and Turnover(turnover_c, turnover_c - 0.5, turnover_c + 0.5, 0.0066)
    choice = choose(turnover, REACH, 75.0)
    assert choice.celsius == expected_c
    assert words in choice.why
    assert choice.at_turnover == (words == "the turnover")


def test_the_limit_is_kept_away_from():
    assert choose(Turnover(66.0, 65.5, 66.5, 0.0066), REACH, 70.0).celsius == 55.0


def test_where_nothing_can_be_held_it_says_so():
    choice = choose(None, Reach(66.0, 70.0), 75.0)
    assert choice.celsius is None
    assert "cool the Pi, let more cores burn" in choice.why


def test_an_edge_is_half_way_between_two_readings():
    grid = SensorGrid()
    assert grid.edge_near(60.2) == 60.2, "as long as the steps are not known"
    for reading in (58.44, 58.927, 59.414, 58.927):
        grid.add(reading)
    assert grid.step_k == pytest.approx(0.487)
    assert grid.edge_near(59.1) == pytest.approx(59.1705)
    assert grid.edge_near(61.1) == pytest.approx(59.1705 + 4 * 0.487)


def test_two_readings_far_apart_are_no_step():
    grid = SensorGrid()
    for reading in (40.0, 52.0):
        grid.add(reading)
    assert grid.step_k is None
