"""What Home Assistant is told: one configuration a sensor, each with its unit, all of one device."""

import json

import pytest
from support.running import Running
from tcxo_host.publish.export.home_assistant import discovery, known_sensors, message_values, topic_name


@pytest.fixture
def status(tmp_path):
    running = Running(tmp_path)
    running.run(70)
    running.outputs.close()
    return json.loads(running.status.read_text())


def told(values):
    return {
        sensor.key: json.loads(discovery(sensor, "t/pi", "pi", "1.2", 40)[1])
        for sensor in known_sensors(values)
    }


def test_every_value_of_a_message_is_a_sensor_with_its_unit(status):
    values = message_values(status, 0.0)
    sensors = told(values)
    assert sensors.keys() == values.keys()
    units = {key: each.get("unit_of_measurement") for key, each in sensors.items()}
    assert units == {
        "state": None, "reason": None, "published_ppm": "ppm", "freq_error_ppm": "ppm", "sigma_ppm": "ppm",
        "tcxo_ppm": "ppm", "rtc_ppm": "ppm", "temperature_c": "°C", "without_gps_s": "s",
        "gps_pps_hz": "Hz", "rtc_pps_hz": "Hz", "host_pwm_hz": "Hz",
    }  # fmt: skip
    assert len({each["unique_id"] for each in sensors.values()}) == len(sensors)
    assert all(each["device"]["identifiers"] == ["tcxo_host_pi"] for each in sensors.values())
    assert all(each["value_template"] == f"{{{{ value_json.{key} }}}}" for key, each in sensors.items())
    assert values["state"] in sensors["state"]["options"]
    assert (values["state"], values["gps_pps_hz"]) == ("track", pytest.approx(1.0, abs=1e-3))


def test_a_board_without_an_rtc_and_a_daemon_without_phase_show_none(status):
    del status["channels"]["rtc_pps"]
    assert {"rtc_pps_hz", "phase_offset_ns"}.isdisjoint(told(message_values(status, None)))
    status["phase"] = {"state": "sigma", "reason": "x", "offset_ns": None}
    values = message_values(status, None)
    assert values["phase_offset_ns"] is None
    assert "phase_offset_ns" in told(values)


def test_a_reason_fits_what_home_assistant_stores(status):
    status["reason"] = "x" * 1000
    assert len(message_values(status, None)["reason"]) == 255
    status["reason"] = ""
    assert message_values(status, None)["reason"] == "none", "an empty text may be taken for no message"


@pytest.mark.parametrize(
    ("name", "topic"),
    [("pi", "pi"), ("Attic Pi/2", "Attic-Pi-2"), ("ntp.example.org", "ntp-example-org"), ("+#", "tcxo")],
)
def test_a_name_becomes_a_part_of_a_topic(name, topic):
    assert topic_name(name) == topic
