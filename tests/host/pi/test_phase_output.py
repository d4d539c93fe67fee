"""Phase in the daemon: samples at the socket, what is told of them, and machines that cannot have it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import struct
import time

import pytest
from support.running import Running
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config, PhaseConfig
from tcxo_host.daemon.loop import _make_estimator
from tcxo_host.daemon.pipeline import Row
from tcxo_host.errors import OutputError, UnavailableError
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.pi.models import model_by_key
from tcxo_host.pi.phase_fit import refuse_model
from tcxo_host.pi.phase_output import PhaseOutput, open_phase
from tcxo_host.pi.root import Root
from tcxo_host.publish.phase.pin import raw_ns
from tcxo_host.publish.phase.sample import Refusal
from tcxo_host.sim.clocked_pin import ClockedPin

AHEAD_NS = 700_000


def row(pin):
    now_ns = raw_ns()
    phase = pin.phase_now(now_ns)
    estimate = Estimate(State.TRACK, "", 0.1, 0.001, phase=phase)
    return Row(1.0, phase.tick, 1, now_ns, State.TRACK, "", -0.1, 0.1, estimate, None)


def until_sample(output, pin):
    for _ in range(100):
        output.second(row(pin))
        if output.verdict.sample is not None:
            break


def told(output, hold=""):
    return output.about(hold)["phase"]


@pytest.fixture
def pin():
    """An edge at AHEAD_NS before each of the system clock's seconds begins the GPS second."""
    return ClockedPin(20_000_000, raw_ns() - (time.time_ns() + AHEAD_NS) % 1_000_000_000)


def an_output(tmp_path, pin, doubt=lambda: "", **settings):
    config = PhaseConfig(enabled=True, sock_path=str(tmp_path / "s"), pps="", half_width_ns=1e5, **settings)
    return PhaseOutput(config, 50, 1_000_000_000, pin, bound_ns=lambda: 2e6, doubt=doubt)


def test_samples_reach_the_socket_with_the_offset_and_what_is_set_beside_it(tmp_path, pin):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "s"))
        server.settimeout(5)
        output = an_output(tmp_path, pin, offset_ns=50_000.0)
        until_sample(output, pin)
        offset_s = struct.unpack("=qqdiiii", server.recv(100))[2]
        said = told(output)
        output.close()
    assert offset_s * 1e9 == pytest.approx(AHEAD_NS + 50_000, abs=60_000)
    assert (said["state"], said["sent"]) == ("sent", 1)
    assert said["offset_ns"] == pytest.approx(offset_s * 1e9, abs=1)


def test_refusals_and_an_absent_chronyd_are_told_by_name(tmp_path, pin):
    output = an_output(tmp_path, pin)
    assert told(output)["state"] == "waiting"
    output.second(row(pin))
    assert told(output)["state"] in ("ambiguity", "no-edges")
    with pytest.raises(OutputError, match="chrony needs the line 'refclock SOCK"):
        until_sample(output, pin)
    said = told(output)
    assert said["state"] == "no-chronyd"
    assert "chrony needs the line 'refclock SOCK" in said["reason"]
    output.close()


def test_a_doubt_of_the_pwm_ends_the_samples_at_once(tmp_path, pin):
    doubts = []
    output = an_output(tmp_path, pin, doubt=lambda: doubts[0] if doubts else "")
    with contextlib.suppress(OutputError):  # no chronyd
        until_sample(output, pin)
    assert output.verdict.sample is not None
    doubts.append("another program changed the PWM")
    for _ in range(3):
        with contextlib.suppress(OutputError):
            output.second(row(pin))
        assert (output.verdict.sample, output.verdict.refusal) == (None, Refusal.PWM_CHANGED)
        assert output.verdict.reason == "another program changed the PWM"
    output.close()


def test_a_row_from_a_backlog_is_left_out(tmp_path, pin):
    output = an_output(tmp_path, pin)
    output.second(dataclasses.replace(row(pin), host_ns=raw_ns() - 2_000_000_000))
    assert output.verdict is None
    output.close()


@pytest.mark.parametrize(("key", "words"), [("pi5", "two crystals"), ("pi1", "a fractional divider")])
def test_models_without_one_crystal_by_whole_numbers_are_refused(key, words):
    with pytest.raises(UnavailableError, match=words):
        refuse_model(model_by_key(key))
    for good in ("pi2", "pi3", "pi4"):
        refuse_model(model_by_key(good))


def test_a_machine_that_cannot_is_told_and_the_frequency_goes_on(tmp_path, caplog):
    wanted = override(Config(), "phase", enabled=True)
    assert open_phase(Config(), Root(tmp_path)) is None
    assert open_phase(override(wanted, "output", measure_only=True), Root(tmp_path)) is None
    running = Running(tmp_path, phase=open_phase(wanted, Root(tmp_path)))
    running.run(70)
    said = json.loads(running.status.read_text())["phase"]
    assert said["state"] == "unavailable"
    assert "not a Raspberry Pi" in said["reason"]
    assert "the frequency is corrected all the same" in caplog.text
    assert (tmp_path / "tcxo").exists()
    running.outputs.close()


def test_without_the_setting_there_is_nothing(tmp_path):
    running = Running(tmp_path)
    running.run(3)
    assert json.loads(running.status.read_text())["phase"] is None
    running.outputs.close()


def test_while_no_second_closes_nothing_is_said_to_be_sent(tmp_path, pin):
    running = Running(tmp_path, phase=an_output(tmp_path, pin))
    running.hold("no link to the board")
    said = json.loads(running.status.read_text())["phase"]
    assert (said["state"], said["reason"]) == ("not-tracking", "no link to the board")
    running.outputs.close()


def test_the_daemon_asks_its_estimator_for_phase_only_where_it_is_wanted(tmp_path):
    for enabled in (False, True):
        config = override(Config(), "output", path=str(tmp_path / "tcxo"))
        estimator = _make_estimator(override(config, "phase", enabled=enabled))
        assert estimator.settings.phase is enabled
