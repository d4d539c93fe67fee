"""What a person reads of a status, whatever state the daemon is in."""

import pytest
from support.running import Running, now_ns
from tcxo_host.cli.status import _read
from tcxo_host.cli.status_view import Ages, status_lines
from tcxo_host.daemon.chronyc import parse_tracking

# chronyc 4.3 -c tracking, on a stratum 1 machine
TRACKING = (
    "50505330,PPS0,1,1767225600.123456789,0.000000012,-0.000000045,0.000000210,-1.234,0.001,0.005,"
    "0.000000001,0.000010000,16.0,Normal\n"
)


@pytest.fixture
def running(tmp_path):
    made = Running(tmp_path)
    yield made
    made.outputs.close()


def shown(running, later_s=0.0, chrony=None):
    values = _read(running.status)
    lines = status_lines(values, Ages.of(values, now_ns() + round(later_s * 1e9)), chrony)
    return {line.label: line for line in lines}


def test_everything_that_works_is_green_and_has_its_figures(running):
    running.run(80)
    lines = shown(running)
    assert (lines["state"].text, lines["state"].level) == ("track", "ok")
    assert lines["gps_pps"].text.startswith("1.000 Hz, last edge ")
    assert lines["host_pwm"].text.startswith("50.000 Hz, last edge 0.")
    assert lines["host_pwm"].text.endswith(" s ago, 4000 edges")
    assert {lines[role].level for role in ("gps_pps", "rtc_pps", "host_pwm", "published")} == {"ok"}
    for clock, true_ppm in (("Pi", 0.3), ("TCXO", 1.0), ("RTC", -2.0), ("published", -0.3)):
        assert float(lines[clock].text.split()[0]) == pytest.approx(true_ppm, abs=3e-4)
    assert f"in {running.status.parent / 'tcxo'}" in lines["published"].text
    assert lines["health"].text == "MCU 25.0 °C, supply 3.30 V, up 80 s"
    assert lines["frames"].text == "80 received, 3 lost, 2 damaged, 0 dropped by the board, 0 bad records"


def test_a_channel_that_went_silent_is_red_and_says_since_when(running):
    running.run(20)
    running.run(40, drop=("gps_pps",))
    line = shown(running)["gps_pps"]
    assert line.level == "bad"
    assert "last edge 41 s ago, 20 edges" in line.text


def test_a_waiting_daemon_says_why_and_its_edges_grow_old(running):
    running.run(10)
    running.outputs._status_s = 0.0
    running.hold("no link to the board: serial:/dev/ttyACM0 went away")
    lines = shown(running, later_s=4)
    assert lines["state"].text == "hold: no link to the board: serial:/dev/ttyACM0 went away"
    assert lines["state"].level == "bad"
    assert lines["host_pwm"].level == "bad"


def test_a_daemon_that_never_heard_of_a_board_has_a_status_too(running):
    running.hold("no link to the board: serial:/dev/ttyACM0: no such device")
    lines = shown(running)
    assert lines["state"].text.startswith("hold: no link to the board")
    assert lines["Pi"].text == "unknown"
    assert "nothing since the daemon's start" in lines["published"].text


@pytest.mark.parametrize(
    ("later_s", "since"), [(30, "for 30 s"), (4000, "for 66 min"), (-30, "since before the last boot")]
)
def test_a_status_left_by_a_dead_daemon_is_told_apart(running, later_s, since):
    running.run(3)
    line = shown(running, later_s)["state"]
    assert line.level == "bad"
    assert line.text.startswith(
        f"the daemon has written nothing {since}: systemctl status tcxo-host tells why"
    )


def test_chronys_row(running):
    running.run(1)
    text = shown(running, chrony=parse_tracking(TRACKING))["chrony"].text
    assert (
        text
        == "PPS0, stratum 1; last offset -45 ns, rms 210 ns; own frequency -1.234 ppm, residual +0.001 ppm"
    )
    lost = parse_tracking(TRACKING.replace("1767225600.123456789", "0.0"))
    assert shown(running, chrony=lost)["chrony"].text == "not synchronised"
    assert shown(running)["chrony"].text == "no answer (chronyc tracking)"


SENT = {
    "state": "sent",
    "reason": "",
    "offset_ns": -12.3,
    "half_width_ns": 212.0,
    "sigma_ns": 4.4,
    "sent": 77,
}


@pytest.mark.parametrize(
    ("phase", "text", "level"),
    [
        (SENT, "GPS -12 ns from the system clock, ± 212 ns constant, sigma 4.4 ns, 77 samples", "ok"),
        (SENT | {"state": "sigma", "reason": "holdover"}, "no sample (sigma): holdover", "warn"),
        ({"state": "unavailable", "reason": "two crystals"}, "no sample (unavailable): two crystals", "bad"),
    ],
)
def test_phase_is_told_or_why_there_is_none(running, phase, text, level):
    running.run(3)
    values = _read(running.status) | {"phase": phase}
    lines = {line.label: line for line in status_lines(values, Ages.of(values, now_ns()), None)}
    assert (lines["phase"].text, lines["phase"].level) == (text, level)


def test_without_phase_there_is_no_row_for_it(running):
    running.run(3)
    assert "phase" not in shown(running)
