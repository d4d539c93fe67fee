"""What the daemon does about the PWM before it starts to measure."""

import logging

import pytest
from support import pi_trees as trees
from support.fake_pwm import FakePwmTree
from tcxo_host.config.settings import PwmConfig
from tcxo_host.errors import UnavailableError
from tcxo_host.pi.pwm.at_start import ready_pwm
from tcxo_host.pi.pwm.header import look
from tcxo_host.pi.root import Root

LINE = {"period": 20_000_000, "duty_cycle": 10_000_000, "enable": 1}


@pytest.fixture
def pi3(tmp_path):
    tree = trees.PI3 | trees.pwm_chip(trees.PWM_BY_SOC["bcm2837"]) | trees.pwm_clock(1_200_000)
    return FakePwmTree(trees.write_tree(tmp_path, tree))


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.DEBUG, logger="tcxo_host")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


def test_it_is_set_up_where_permitted(pi3, said):
    pi3.start_with(0, exported=False)
    ready_pwm(pi3, PwmConfig(), measure_only=False)
    assert said() == [("INFO", "PWM: 50 Hz on GPIO12, set up")]


def test_verify_changes_nothing(pi3, said):
    pi3.start_with(0, period=1_000_000, duty_cycle=500_000, enable=1)
    ready_pwm(pi3, PwmConfig(mode="verify"), measure_only=False)
    ((level, message),) = said()
    assert level == "WARNING"
    assert "1000 Hz" in message


def test_a_machine_that_is_no_pi_is_left_alone(tmp_path, said):
    ready_pwm(Root(tmp_path), PwmConfig(), measure_only=False)
    assert [level for level, _ in said()] == ["DEBUG"]
    with pytest.raises(UnavailableError):
        ready_pwm(Root(tmp_path), PwmConfig(mode="setup"), measure_only=False)


def test_a_pi_5_is_refused_unless_it_only_measures(said):
    root = Root(trees.DATA / "pi5")
    with pytest.raises(UnavailableError, match="RP1"):
        ready_pwm(root, PwmConfig(), measure_only=False)
    ready_pwm(root, PwmConfig(mode="verify"), measure_only=True)
    assert said()


def test_off_means_off(pi3, said):
    ready_pwm(pi3, PwmConfig(mode="off"), measure_only=False)
    assert said() == []


def test_what_the_clock_tree_says_of_the_rate_is_known_from_then_on(tmp_path):
    tree = trees.PI3 | trees.pwm_chip(trees.PWM_BY_SOC["bcm2837"]) | trees.pwm_clock(1_234_567)
    pi = FakePwmTree(trees.write_tree(tmp_path, tree))
    pi.start_with(0, exported=False)
    watch = ready_pwm(pi, PwmConfig(), measure_only=False)
    assert watch.bias_ppm == look(pi).timing.bias_ppm != 0.0
