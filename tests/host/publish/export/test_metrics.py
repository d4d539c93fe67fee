"""Metrics as a real Prometheus client reads them, over HTTP and from the text file."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from support.running import TRUE_PPM, Running
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config
from tcxo_host.config.trial import HELD
from tcxo_host.daemon.output import MetricsOutput
from tcxo_host.daemon.pipeline import Pipeline
from tcxo_host.errors import ConfigError
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.publish.export.metrics import Metrics
from tcxo_host.publish.policy import PublishPolicy

TCXO_HOST = [sys.executable, "-m", "tcxo_host"]
BASE_UNITS = ("_ppms", "_seconds", "_hertz", "_celsius", "_volts", "_total", "_info", "tcxo_state", "_held")


def parsed(text):
    """``{name: {labels: value}}`` of an exposition, as Prometheus would store it."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {})
            found[sample.name][labels] = sample.value
    return found


def fetched(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return parsed(answer.read().decode())


def by(label, samples):
    return {dict(labels)[label]: value for labels, value in samples.items()}


@pytest.fixture
def running(tmp_path):
    """A daemon with both kinds of metrics; any free port."""
    config = override(Config(), "metrics", listen="127.0.0.1:0", textfile=str(tmp_path / "tcxo.prom"))
    made = Running(tmp_path, config)
    made.port = next(each for each in made.outputs._outputs if each.name == "metrics")._metrics.port
    made.textfile = tmp_path / "tcxo.prom"
    yield made
    made.outputs.close()


def test_http_and_text_file_say_the_same(running):
    running.run(80)
    assert fetched(running.port) == parsed(running.textfile.read_text())


def test_prometheus_own_choice_of_format_says_the_same(running):
    """OpenMetrics, which Prometheus asks for, and whose parser is strict about names and types."""
    running.run(80)
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/metrics",
        headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        families = openmetrics_families(answer.read().decode())
    names = {sample.name for family in families for sample in family.samples}
    assert names == set(fetched(running.port))


def test_the_clocks_and_what_is_published(running):
    running.run(80)
    found = fetched(running.port)
    errors = by("clock", found["tcxo_frequency_error_ppms"])
    assert errors == {clock: pytest.approx(ppm, abs=1e-3) for clock, ppm in TRUE_PPM.items()}
    assert found["tcxo_published_ppms"][()] == pytest.approx(-TRUE_PPM["pi"], abs=1e-3)
    states = {"acquire": 0, "track": 1, "holdover": 0, "hold": 0}
    assert by("state", found["tcxo_state"]) == states
    assert by("channel", found["tcxo_channel_seen_hertz"])["host_pwm"] == pytest.approx(50, abs=1e-3)
    status = json.loads(running.status.read_text())
    assert found["tcxo_published_timestamp_seconds"][()] == status["last_published_utc_s"]


def test_a_trial_that_holds_the_file_is_known_from_a_doubt_that_does(running):
    """The alert on the file's age waits for a trial, and for nothing else."""
    reason = ""
    running.pipeline = Pipeline(make_estimator("boxcar64"), PublishPolicy(), held=lambda: reason)
    running.run(80)
    assert fetched(running.port)["tcxo_trial_held"][()] == 0
    reason = f"{HELD} until 12:00:00 UTC"
    running.run(1)
    assert fetched(running.port)["tcxo_trial_held"][()] == 1
    running.outputs._status_s = 0.0
    running.hold("no link to the board")
    assert fetched(running.port)["tcxo_trial_held"][()] == 0


def test_one_info_says_who_is_there(running):
    running.run(1)
    ((labels, value),) = fetched(running.port)["tcxo_info"].items()
    assert value == 1
    assert dict(labels) == {
        "version": dict(labels)["version"],
        "board": "TEST",
        "firmware": "0.1.0",
        "micropython": "1.29.0",
        "boot_id": "00000001",
    }


def counters(values, path=()):
    """``(path, value)`` of every whole number in the parts of a status that count something."""
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, (dict, list)):
            yield from counters(value, (*path, key))
        elif type(value) is int and key not in ("id", "tick"):
            yield (*path, key), value


def test_every_counter_of_the_status_record_is_exported(running):
    """Each number is made unlike all others, and must come out under a name of its own."""
    running.run(10)
    values = json.loads(running.status.read_text())
    expected = set()
    for part in ("channels", "line", "board_status"):
        for path, _ in list(counters(values[part])):
            *parents, key = path
            place = values[part]
            for parent in parents:
                place = place[parent]
            place[key] = 1000 + len(expected)
            expected.add(place[key])
    metrics = Metrics("127.0.0.1:0")
    metrics.update(values)
    exported = [value for samples in fetched(metrics.port).values() for value in samples.values()]
    metrics.close()
    assert len(expected) == 3 * 6 + 5 + 3 + 3 * 3
    assert expected <= set(exported)


def test_names_have_base_units_and_counters_end_in_total(running):
    running.run(10)
    text = running.textfile.read_text()
    for family in text_string_to_metric_families(text):
        assert family.name.startswith("tcxo"), family.name
        for sample in family.samples:
            assert sample.name.endswith(BASE_UNITS), sample.name
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name


def test_before_the_board_is_heard_there_is_the_version_and_the_hold(running):
    assert list(fetched(running.port)) == ["tcxo_info"]
    running.hold("no link to the board")
    found = fetched(running.port)
    assert by("state", found["tcxo_state"])["hold"] == 1
    assert "tcxo_frequency_error_ppms" not in found
    assert "tcxo_last_second_timestamp_seconds" not in found


def test_a_board_that_reports_before_it_says_who_it_is_does_no_harm(running):
    running.pipeline.feed(0, running.board.payload())
    assert running.pipeline.status is not None
    running.hold("no records from the board for 5 s")
    assert by("state", fetched(running.port)["tcxo_state"])["hold"] == 1
    assert running.textfile.exists()


def test_a_bug_in_the_metrics_is_logged_once_and_stops_nothing(tmp_path, caplog):
    metrics = Metrics(textfile=str(tmp_path / "tcxo.prom"))
    for _ in range(3):
        metrics.update({"board": None, "state": "track"})
    assert caplog.text.count("the metrics cannot be made") == 1


def test_a_silent_board_shows_as_hold_with_edges_that_grow_old(running):
    running.run(70)
    before = fetched(running.port)
    running.outputs._status_s = 0.0
    running.hold("no records from the board for 5 s")
    after = fetched(running.port)
    assert by("state", after["tcxo_state"]) == {"acquire": 0, "track": 0, "holdover": 0, "hold": 1}
    ages = [by("channel", each["tcxo_channel_last_edge_age_seconds"])["gps_pps"] for each in (before, after)]
    assert ages[1] > ages[0]
    for name in ("tcxo_published_timestamp_seconds", "tcxo_last_second_timestamp_seconds"):
        assert after[name] == before[name]


def test_the_text_file_is_replaced_never_rewritten(running):
    """A reader that holds the old file keeps reading the old, whole content."""
    running.run(1)
    with running.textfile.open() as held:
        inode = os.fstat(held.fileno()).st_ino
        running.run(1)
        assert 'channel="host_pwm"} 50.0' in held.read()
    assert running.textfile.stat().st_ino != inode
    assert running.textfile.stat().st_mode & 0o777 == 0o644
    leftovers = [path.name for path in running.textfile.parent.glob("*.prom")]
    assert leftovers == ["tcxo.prom"]


def test_a_text_file_that_cannot_be_written_is_said_once_and_stops_nothing(tmp_path, caplog):
    config = override(Config(), "metrics", textfile=str(tmp_path / "missing/tcxo.prom"))
    running = Running(tmp_path, config)
    running.run(70)
    running.outputs.close()
    said = [record.getMessage() for record in caplog.records if "metrics" in record.getMessage()]
    assert said == [f"{tmp_path}/missing/tcxo.prom: cannot write the metrics: No such file or directory"]
    assert (tmp_path / "tcxo").exists()


def test_a_scraper_that_hangs_up_or_never_reads_stops_nothing(running):
    hanging = socket.create_connection(("127.0.0.1", running.port))
    for request in (b"", b"GET /metrics HTTP/1.1\r\n", b"\0\xff" * 100 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", running.port)) as client:
            client.sendall(request)
    running.run(70)
    assert fetched(running.port)["tcxo_line_frames_total"][()] == 70
    hanging.close()


@pytest.mark.parametrize(
    "listen", ["9910", "localhost", ":9910", "127.0.0.1:http", "127.0.0.1:99999", "a b:1"]
)
def test_a_malformed_address_is_a_configuration_error(listen):
    with pytest.raises(ConfigError, match=re.escape(f"metrics.listen = {listen!r}: ")):
        Metrics(listen)


def refuse_names(*_, **__):
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.mark.parametrize("host", ["192.0.2.1", "pi.example"])  # RFC 5737, RFC 6761
def test_an_address_that_is_not_there_yet_is_tried_again_and_told_once(running, caplog, monkeypatch, host):
    running.run(1)
    if host == "pi.example":
        monkeypatch.setattr(socket, "getaddrinfo", refuse_names)
    metrics = Metrics(f"{host}:9910", str(running.textfile))
    for _ in range(3):
        metrics._tried = float("-inf")
        metrics.update(json.loads(running.status.read_text()))
        assert metrics.port is None
    monkeypatch.undo()
    (told,) = caplog.messages
    assert re.search("cannot listen: (Cannot assign|Temporary failure).*; trying again", told)
    metrics._listen, metrics._tried = "[::ffff:127.0.0.1]:0", float("-inf")
    metrics.update({})
    assert metrics.port
    metrics.close()


def test_a_port_that_is_taken_ends_the_daemons_start_in_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = tmp_path / "c.toml"
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        config.write_text(f'[metrics]\nlisten = "{listen}"\n[output]\npath = "{tmp_path}/tcxo"\n')
        done = subprocess.run(
            [*TCXO_HOST, "run", "--config", config], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 78
    assert done.stderr == (
        f"tcxo-host: metrics.listen = '{listen}': cannot listen: Address already in use:"
        " choose another HOST:PORT, or none\n"
    )


def test_without_the_package_the_extra_is_named(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(f'[metrics]\nlisten = "127.0.0.1:0"\n[output]\npath = "{tmp_path}/tcxo"\n')
    code = (
        "import sys; sys.modules['prometheus_client'] = None; from tcxo_host.cli.main import main;"
        f" sys.exit(main(['run', '--config', {str(config)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 69
    assert done.stderr == (
        "tcxo-host: metrics: the package prometheus-client is not installed: in a clone of tcxo-host run:"
        f" {sys.executable} -m pip install '.[metrics]'\n"
    )


def test_phase_is_exported_where_it_is_wanted(running, monkeypatch):
    told = {
        "state": "sent",
        "reason": "",
        "offset_ns": -12.0,
        "half_width_ns": 200.0,
        "sigma_ns": 4.0,
        "sent": 7,
    }
    running.run(3)
    assert not any(name.startswith("tcxo_phase") for name in fetched(running.port))
    monkeypatch.setattr(MetricsOutput, "about", lambda output, hold: {"phase": told})
    running.run(3)
    found = fetched(running.port)
    assert by("state", found["tcxo_phase_state"]) == {"sent": 1.0}
    assert found["tcxo_phase_offset_seconds"][()] == pytest.approx(-12e-9)
    assert found["tcxo_phase_samples_total"][()] == 7
