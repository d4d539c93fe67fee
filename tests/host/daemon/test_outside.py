"""What others know, at the daemon's edges: the file that is there, chronyd, gpsd."""

import dataclasses
import os
import time

import pytest
from support.streams import PerfectBoard, identify
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config
from tcxo_host.daemon.applied import CHRONY_STARTS_S, applied_now
from tcxo_host.daemon.chronyc import Tracking
from tcxo_host.daemon.outputs import Outputs
from tcxo_host.daemon.outside import Outside
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.errors import ConfigError
from tcxo_host.estimate.boxcar.estimator import Boxcar64
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.publish.start_check import Remembered
from tcxo_host.publish.witness import CONTRADICTS_S
from tcxo_protocol.records import build_record

SYNCHRONISED = Tracking("NTP", 2, time.time(), 0.0, 0.0, 0.5, 0.0, 0.01, "Normal")


def uptime_s():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class TestApplied:
    """What chrony applies before the daemon has written anything."""

    @pytest.mark.parametrize("age_s", [0.0, 30.0])
    def test_the_file_and_its_age(self, tmp_path, age_s):
        path = tmp_path / "tcxo"
        path.write_text("-1.250000\n")
        then = time.time() - age_s
        os.utime(path, (then, then))
        applied = applied_now(path, True, False)
        oldest_s = max(0.0, time.time() - then)
        assert applied.value_ppm == -1.25
        assert min(age_s - 0.1, uptime_s()) <= applied.since_s <= oldest_s + 0.1
        assert not applied.at_start

    @pytest.mark.parametrize("then", [0.0, 4e9])
    def test_a_wrong_clock_makes_it_no_older_than_the_boot_and_no_younger_than_now(self, tmp_path, then):
        path = tmp_path / "tcxo"
        path.write_text("0.5\n")
        os.utime(path, (then, then))
        assert 0.0 <= applied_now(path, True, False).since_s <= time.clock_gettime(time.CLOCK_BOOTTIME)

    def test_no_file_since_the_boot(self, tmp_path):
        before_s = uptime_s()
        applied = applied_now(tmp_path / "tcxo", True, False)
        assert (applied.value_ppm, applied.at_start) == (0.0, True)
        assert max(0.0, before_s - CHRONY_STARTS_S) <= applied.since_s <= uptime_s()

    def test_the_first_start_of_all_beside_a_chrony_that_follows_a_source(self, tmp_path):
        assert applied_now(tmp_path / "tcxo", False, True).value_ppm == 0.0
        assert applied_now(tmp_path / "tcxo", False, False) is None

    def test_a_deleted_file_is_seen_by_what_chronys_own_frequency_lacks(self, tmp_path):
        applied = applied_now(tmp_path / "tcxo", True, True, seen_ppm=-3.25)
        assert (applied.value_ppm, applied.at_start) == (-3.25, False)
        assert applied.since_s == pytest.approx(uptime_s(), abs=5)
        assert (
            applied_now(tmp_path / "tcxo", True, True, seen_ppm=-12.0).value_ppm == 0.0
        )  # more than it takes

    @pytest.mark.parametrize("content", ["", "\n", "x\n", "nan\n", "11.5\n"])
    def test_a_file_that_chrony_would_not_take(self, tmp_path, content):
        path = tmp_path / "tcxo"
        path.write_text(content)
        assert applied_now(path, False, False) is None


@pytest.fixture
def outside(tmp_path):
    config = override(Config(), "output", path=str(tmp_path / "tcxo"))
    outputs = Outputs(config)
    made = Outside(config, outputs, Remembered(), None, 0.0)
    made._chrony = None
    yield made
    made.close()
    outputs.close()


class Says:
    """Stands for the watch of chronyd: an answer that does not change."""

    def __init__(self, tracking):
        self.tracking = tracking

    def latest(self, now_s):
        return self.tracking

    def close(self):
        pass


def track(ppm):
    return Estimate(State.TRACK, "", ppm)


@pytest.mark.parametrize(("error_ppm", "doubted"), [(0.5, False), (0.79, False), (0.81, True), (-0.7, True)])
def test_a_gps_that_contradicts_the_system_clock_is_doubted(outside, error_ppm, doubted):
    outside._chrony = Says(SYNCHRONISED)
    for second in range(int(CONTRADICTS_S) + 2):
        doubt = outside.doubt(track(error_ppm), float(second), "b")
    assert bool(doubt) == doubted


@pytest.mark.parametrize(
    "tracking",
    [None, dataclasses.replace(SYNCHRONISED, leap="Not synchronised")],
    ids=["silent", "unsynchronised"],
)
def test_a_chrony_that_follows_nothing_is_no_witness(outside, tracking):
    outside._chrony = Says(tracking)
    for second in range(int(CONTRADICTS_S) + 2):
        assert outside.doubt(track(5.0), float(second), "b") == ""
    assert outside.chrony_ppm() is None


def test_the_pwms_known_bias_is_no_contradiction(tmp_path):
    config = override(Config(), "output", path=str(tmp_path / "tcxo"), ask_chrony=False)
    outputs = Outputs(config)
    outside = Outside(config, outputs, Remembered(), None, -2.54)
    outside._chrony = Says(SYNCHRONISED)
    for second in range(int(CONTRADICTS_S) + 2):
        assert outside.doubt(track(0.5 - 2.54), float(second), "b") == ""
    outputs.close()


def test_a_problem_of_the_pwm_comes_first(tmp_path):
    config = override(Config(), "output", path=str(tmp_path / "tcxo"), ask_chrony=False)
    outputs = Outputs(config)
    outside = Outside(config, outputs, Remembered(), lambda: "the PWM is off", 0.0)
    assert outside.doubt(track(0.5), 0.0, "b") == "the PWM is off"
    outputs.close()


def test_a_malformed_address_of_gpsd_ends_the_start(tmp_path):
    config = override(override(Config(), "output", path=str(tmp_path / "tcxo")), "gps", gpsd="host:")
    outputs = Outputs(config)
    with pytest.raises(ConfigError, match="gps.gpsd"):
        Outside(config, outputs, Remembered(), None, 0.0)
    outputs.close()


@pytest.mark.parametrize(("fix", "state"), [(True, State.TRACK), (None, State.TRACK), (False, State.HOLD)])
def test_pulses_without_a_fix_are_not_used(fix, state):
    answer = True

    def has_fix():
        return answer

    pipeline = Pipeline(Boxcar64(), PublishPolicy(), has_fix=has_fix)
    pipeline.feed(0, build_record(identify()))
    for second, payload in enumerate(PerfectBoard(pi_ppm=0.3).payloads(100)):
        answer = fix if second > 80 else True
        (row,) = (each for each in pipeline.feed(second * 1_000_000_000, payload) if isinstance(each, Row))
    assert row.state is state
    assert ("no fix" in row.reason) == (fix is False)


def test_before_the_first_value_chrony_applies_what_an_earlier_run_left(outside, tmp_path):
    """A start that is held for ten minutes: without the file GPS would seem to contradict, and never stop to."""
    (tmp_path / "tcxo").write_text("-3.000000\n")
    outside._chrony = Says(SYNCHRONISED)
    for second in range(int(CONTRADICTS_S) + 2):
        assert outside.doubt(track(3.5), float(second), "b") == ""


def test_a_file_deleted_while_chrony_applies_its_value_is_no_reason_to_start_from_zero(outside):
    """It made the first value 0 and the clock run 3 ppm wrong until chrony had found its way back."""
    outside._chrony = Says(SYNCHRONISED)  # its own frequency is 0.5 ppm
    assert outside.applied(True, 3.5).value_ppm == pytest.approx(-3.0)
    assert outside.applied(True, 0.6).value_ppm == 0.0  # nothing is missing: chrony never applied any
    outside._chrony = Says(dataclasses.replace(SYNCHRONISED, skew_ppm=2.0))
    assert outside.applied(True, 3.5).value_ppm == 0.0
    outside._chrony = Says(None)
    assert outside.applied(True, 3.5).value_ppm == 0.0


def test_what_a_tempcomp_line_adds_by_t0_is_no_contradiction(tmp_path):
    config = override(Config(), "output", path=str(tmp_path / "tcxo"), ask_chrony=False)
    outputs = Outputs(config)
    (tmp_path / "tcxo").write_text("-0.250000\n")
    for adds_ppm, doubted in ((-12.5, False), (0.0, True)):  # tempcomp ... 12.5 0 1 0
        outside = Outside(config, outputs, Remembered(), None, 0.0, adds_ppm)
        outside._chrony = Says(dataclasses.replace(SYNCHRONISED, freq_ppm=-8.0))
        for second in range(int(CONTRADICTS_S) + 2):
            doubt = outside.doubt(track(4.75), float(second), "b")
        assert bool(doubt) == doubted
    outputs.close()


def test_what_is_learned_from_a_doubted_gps_is_not_to_be_kept(outside):
    outside._chrony = Says(SYNCHRONISED)
    assert not outside.gps_is_doubted
    for second in range(int(CONTRADICTS_S) + 2):
        outside.doubt(track(5.0), float(second), "b")
    assert outside.gps_is_doubted


def test_one_that_only_measures_asks_no_chrony():
    """It does not know what is in the file, and on a Pi 5 the PWM runs from another crystal than the clock."""
    config = override(Config(), "output", measure_only=True)
    outside = Outside(config, Outputs(config), Remembered(), None, 0.0)
    outside.close()
    assert outside._chrony is None
