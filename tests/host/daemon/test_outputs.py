"""An output that fails stops neither the others nor the measuring, and is logged once."""

import json
import logging

import pytest
from support.streams import PerfectBoard, identify
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config
from tcxo_host.daemon import output as output_module
from tcxo_host.daemon.outputs import Outputs
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.errors import OutputError
from tcxo_host.estimate.boxcar.estimator import Boxcar64
from tcxo_host.link.interface import Received
from tcxo_host.publish.policy import PublishPolicy
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import build_record


def run(tmp_path, seconds=70, **output):
    """A perfect board's rows through the outputs; the tempcomp file goes to ``tmp_path``."""
    config = override(Config(), "output", **{"path": str(tmp_path / "tcxo"), **output})
    outputs = Outputs(config)
    pipeline = Pipeline(Boxcar64(), PublishPolicy())
    pipeline.feed(0, build_record(identify()))
    for second, payload in enumerate(PerfectBoard(pi_ppm=0.3).payloads(seconds)):
        for event in pipeline.feed(second * 1_000_000_000, payload):
            assert isinstance(event, Row)
            outputs.take_row(event, pipeline, LineCounts())
    outputs.close()


def test_every_output_gets_the_same_second(tmp_path):
    run(tmp_path, trace=str(tmp_path / "trace"), status=str(tmp_path / "status"))
    rows = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    status = json.loads((tmp_path / "status").read_text())
    assert len(rows) == 70
    assert {key: status[key] for key in rows[-1]} == rows[-1]
    assert float((tmp_path / "tcxo").read_text()) == rows[-1]["published_ppm"]


@pytest.mark.parametrize("output", ["trace", "status"])
def test_a_full_disk_elsewhere_stops_no_value(tmp_path, caplog, output):
    where = "/dev/full" if output == "trace" else "/proc/status.json"
    with caplog.at_level(logging.INFO):
        run(tmp_path, **{output: where})
    assert float((tmp_path / "tcxo").read_text()) == pytest.approx(-0.3, abs=0.001)
    assert [where in each.message for each in caplog.records] == [True]


def test_a_trace_that_cannot_be_opened_ends_the_start(tmp_path):
    with pytest.raises(OutputError, match="trace"):
        run(tmp_path, trace=str(tmp_path / "no" / "trace"))


def test_a_recording_that_finds_no_room_is_logged_once(tmp_path, caplog):
    config = override(Config(), "output", path=str(tmp_path / "tcxo"))
    outputs = Outputs(override(config, "record", dir="/proc/nowhere"))
    for second in range(180):
        outputs.take_frame(Received(second * 1_000_000_000, b"\x01"), LineCounts())
    outputs.close()
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("/proc/nowhere")
    assert line.endswith("; recording pauses, publishing goes on")


class Closable:
    def close(self):
        pass


def test_the_reference_clock_knows_the_pwms_bias(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(output_module, "Refclock", lambda *given: made.append(given) or Closable())
    config = override(Config(), "output", path=str(tmp_path / "tcxo"), sock=True, sock_path="/run/x.sock")
    Outputs(config, pwm_bias_ppm=1.5).close()
    assert made == [("/run/x.sock", 1.5)]
