"""A PWM that another program reprograms looks like a crystal that jumped; nothing of it may be published."""

import dataclasses

import pytest
from support import pi_trees as trees
from support.fake_pwm import FakePwmTree
from support.streams import PerfectBoard, identify
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config, PwmConfig
from tcxo_host.daemon.loop import Daemon
from tcxo_host.pi.models import model_by_key
from tcxo_host.pi.pwm.at_start import ready_pwm
from tcxo_host.pi.pwm.header import prepare
from tcxo_host.pi.pwm.watch import SETTLE_S, PwmWatch
from tcxo_host.pi.root import Root
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import build_record

RIGHT = {"period": 20_000_000, "duty_cycle": 10_000_000, "enable": 1}


@pytest.fixture
def pi3(tmp_path):
    tree = trees.PI3 | trees.pwm_chip(trees.PWM_BY_SOC["bcm2837"]) | trees.pwm_clock(1_200_000)
    made = FakePwmTree(trees.write_tree(tmp_path / "pi", tree))
    made.start_with(0, **RIGHT)
    return made


class Watched:
    """A watch whose time stands until it is told to go on."""

    def __init__(self, root):
        self.now_s = 0.0
        self.watch = PwmWatch(root, model_by_key("pi3"), 12, 50, clock=lambda: self.now_s)

    def after(self, seconds):
        self.now_s += seconds
        return self.watch()


def test_nothing_is_said_of_a_pwm_that_stays(pi3):
    watched = Watched(pi3)
    assert [watched.after(1) for _ in range(3)] == ["", "", ""]
    assert pi3.log == []


def test_another_period_is_told_until_a_while_after_the_old_one_is_back(pi3):
    watched = Watched(pi3)
    watched.after(1)
    pi3.write(f"{pi3.chip_path}/pwm0/period", "19999900")
    told = watched.after(1)
    assert told == (
        "another program changed the PWM on GPIO12 from 20000000 ns to 19999900 ns:"
        " end it, then 'sudo tcxo-host pwm setup'"
    )
    pi3.write(f"{pi3.chip_path}/pwm0/period", "20000000")
    assert watched.after(SETTLE_S - 1) == told
    assert watched.after(2) == ""


def test_a_pwm_that_is_set_up_late_is_right_from_then_on(pi3):
    pi3.start_with(0, period=1_000_000, duty_cycle=500_000, enable=1)
    watched = Watched(pi3)
    watched.after(1)
    prepare(pi3, model=model_by_key("pi3"))
    assert watched.after(1) == "the PWM was set up a moment ago"
    assert watched.after(SETTLE_S + 1) == ""
    pi3.write(f"{pi3.chip_path}/pwm0/period", "19999900")
    assert "another program" in watched.after(1)


def test_turned_round_is_changed_too(pi3):
    watched = Watched(pi3)
    watched.after(1)
    pi3.write(f"{pi3.chip_path}/pwm0/polarity", "inversed")
    assert "to 20000000 ns, inverted" in watched.after(1)


def test_a_pwm_that_is_off_or_gone_is_the_boards_to_tell(pi3, tmp_path):
    watched = Watched(pi3)
    watched.after(1)
    pi3.write(f"{pi3.chip_path}/pwm0/enable", "0")
    assert watched.after(1) == ""
    pi3.write(f"{pi3.chip_path}/unexport", "0")
    assert watched.after(1) == ""
    assert Watched(Root(tmp_path)).after(1) == ""


def test_the_daemon_publishes_nothing_of_it(pi3, tmp_path):
    """Half a ppm is too little for the policy's step, and no crystal's."""
    config = override(Config(), "output", path=str(tmp_path / "tcxo"), status=str(tmp_path / "status"))
    config = dataclasses.replace(config, estimator=dataclasses.replace(config.estimator, name="boxcar64"))
    watch = ready_pwm(pi3, PwmConfig(), measure_only=False)
    daemon = Daemon(config, pwm_problem=watch)
    board = PerfectBoard(pi_ppm=0.3)

    def seconds(count):
        for _ in range(count):
            for event in daemon._pipeline.feed(board.second * 1_000_000_000, board.payload()):
                daemon._handle(event, LineCounts())

    daemon._pipeline.feed(0, build_record(identify()))
    seconds(80)
    value = (tmp_path / "tcxo").read_text()
    assert float(value) == pytest.approx(-0.3, abs=0.001)
    pi3.write(f"{pi3.chip_path}/pwm0/period", "19999990")
    board._rate["host_pwm"] *= 1 + 0.5e-6
    seconds(100)
    assert (tmp_path / "tcxo").read_text() == value
    assert "another program changed the PWM" in (tmp_path / "status").read_text()
    daemon._outputs.close()
