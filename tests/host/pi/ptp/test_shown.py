"""What status and metrics say of the PTP server's quality."""

import json

import prometheus_client.core
import pytest
from support.pi_trees import status_json
from tcxo_host.cli.status_view import Ages, status_lines
from tcxo_host.publish.export.metric_families import families

EDGES = {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0}


@pytest.mark.parametrize(
    ("ptp", "words", "level"),
    [
        ({"clock_class": 6, "problem": ""}, "class 6: synchronised to GPS", "ok"),
        ({"clock_class": 7, "problem": ""}, "class 7: holdover", "warn"),
        ({"clock_class": 52, "problem": ""}, "class 52: lost", "warn"),
        ({"clock_class": None, "problem": "it does not answer"}, "it does not answer", "bad"),
    ],
)
def test_status_has_a_line_for_it(ptp, words, level):
    values = json.loads(status_json(**EDGES)) | {"ptp": ptp}
    lines = status_lines(values, Ages.of(values, values["written_ns"]), None)
    (line,) = [line for line in lines if line.label == "PTP"]
    assert words in line.text
    assert line.level == level


def test_metrics_have_the_class_while_it_is_known():
    values = json.loads(status_json(**EDGES))

    def classes(ptp):
        found = families(prometheus_client.core, "1", values | {"ptp": ptp})
        return [each.samples[0].value for each in found if each.name == "tcxo_ptp_clock_class"]

    assert classes({"clock_class": 6, "problem": ""}) == [6]
    assert classes({"clock_class": None, "problem": "x"}) == []
    assert classes(None) == []
