"""The dashboard and the alert rules ask for metrics that exist, and the alerts fire when they should."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from support.running import Running
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config, PhaseConfig
from tcxo_host.pi.phase_output import PhaseOutput
from tcxo_host.publish.phase.pin import raw_ns
from tcxo_host.sim.clocked_pin import ClockedPin

GRAFANA = Path(__file__).resolve().parents[3] / "host/grafana"
DASHBOARD = json.loads((GRAFANA / "tcxo-host.json").read_text())
ALERTS = yaml.safe_load((GRAFANA / "alerts.yml").read_text())
RULES = {rule["alert"]: rule for group in ALERTS["groups"] for rule in group["rules"]}
# what chrony_exporter's tracking collector exports (its collector/tracking.go, v0.10 and newer)
CHRONY_EXPORTER = {
    f"chrony_tracking_{name}"
    for name in (
        "info", "last_offset_seconds", "reference_timestamp_seconds", "system_time_seconds", "remote_reference",
        "rms_offset_seconds", "root_delay_seconds", "root_dispersion_seconds", "frequency_ppms",
        "residual_frequency_ppms", "skew_ppms", "update_interval_seconds", "stratum",
    )
}  # fmt: skip


def expressions():
    """Every query, by where it stands."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        yield f"variable {variable['name']}", variable.get("definition", "")
    for annotation in DASHBOARD["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]
    for name, rule in RULES.items():
        yield f"alert {name}", rule["expr"]


def metrics_in(expression):
    return set(re.findall(r"\b(?:tcxo|chrony)_[a-z_0-9]+", expression))


class Told(PhaseOutput):
    """The phase output with the numbers of a sample that it would need a real second and a chronyd for."""

    def second(self, row):
        pass

    def about(self, hold):
        numbers = {"offset_ns": -12.0, "half_width_ns": 200.0, "sigma_ns": 4.0, "sent": 7}
        return {"phase": super().about(hold)["phase"] | numbers}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Label values by label by metric, as a running daemon exports them."""
    folder = tmp_path_factory.mktemp("run")
    config = override(Config(), "metrics", textfile=str(folder / "tcxo.prom"))
    phase = Told(
        PhaseConfig(sock_path=str(folder / "s"), pps=""), 50, 10**9, ClockedPin(20_000_000, raw_ns())
    )
    running = Running(folder, config, estimator="kalman", phase=phase)
    running.run(80)
    running.outputs.close()
    found = {}
    for family in text_string_to_metric_families((folder / "tcxo.prom").read_text()):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_asked_for_is_exported(exported, where, expression):
    for name in metrics_in(expression):
        assert name in exported or name in CHRONY_EXPORTER, f"{where}: {name}"
    for name, selector in re.findall(r"\b(tcxo_[a-z_0-9]+)\{(.*?)\}", expression):
        for label, value in re.findall(r'(\w+)="([^"]*)"', selector):
            assert value in exported[name].get(label, ()), f"{where}: {name}{{{label}={value}}}"
    for text in (
        target.get("legendFormat", "") for panel in DASHBOARD["panels"] for target in panel["targets"]
    ):
        for label in re.findall(r"\{\{(\w+)\}\}", text):
            assert label == "instance" or any(label in labels for labels in exported.values()), text


def test_the_dashboard_shows_what_was_asked_for():
    shown = set().union(*(metrics_in(expression) for where, expression in expressions() if "panel" in where))
    assert shown >= {
        "tcxo_frequency_error_ppms",
        "tcxo_published_ppms",
        "chrony_tracking_residual_frequency_ppms",
        "chrony_tracking_last_offset_seconds",
        "tcxo_board_temperature_celsius",
        "tcxo_channel_lost_edges_total",
        "tcxo_state",
        "tcxo_phase_state",
        "tcxo_phase_offset_seconds",
        "tcxo_phase_half_width_seconds",
        "tcxo_phase_sigma_seconds",
        "tcxo_phase_samples_total",
    }
    kinds = {panel["title"]: panel["type"] for panel in DASHBOARD["panels"]}
    assert kinds["State"] == "state-timeline"


def test_the_state_timeline_names_every_state(exported):
    (panel,) = (each for each in DASHBOARD["panels"] if each["title"] == "State")
    factors = dict(re.findall(r'(\d) \* tcxo_state\{state="(\w+)"', panel["targets"][0]["expr"]))
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    assert {value: shown["text"] for value, shown in mapping["options"].items()} == factors
    assert set(factors.values()) == exported["tcxo_state"]["state"]


def test_panels_do_not_overlap_and_have_units():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_rule_says_what_to_do():
    for name, rule in RULES.items():
        assert set(rule["annotations"]) == {"summary", "description"}, name
        assert rule["labels"]["severity"] in ("warning", "critical"), name


MINUTES = 8 * 60
SELF = 'instance="pi:9910", job="tcxo"'
HEALTHY = {
    "tcxo_info{SELF}": "1",
    'tcxo_channel_last_edge_age_seconds{channel="gps_pps", SELF}': "0.7",
    "tcxo_status_timestamp_seconds{SELF}": "now",
    "tcxo_last_second_timestamp_seconds{SELF}": "now",
    "tcxo_published_timestamp_seconds{SELF}": "now",
    "tcxo_trial_held{SELF}": "0",
    'tcxo_state{state="track", SELF}': "1",
    'tcxo_state{state="hold", SELF}': "0",
    'tcxo_state{state="holdover", SELF}': "0",
    'tcxo_frequency_error_sigma_ppms{clock="pi", SELF}': "0.001",
    'tcxo_channel_lost_edges_total{channel="host_pwm", SELF}': "3",
    "tcxo_line_bad_frames_total{SELF}": "1",
    "tcxo_phase_samples_total{SELF}": "now",
    "tcxo_phase_offset_seconds{SELF}": "-2e-8",
}
AFTER = 60
"""Minutes after which a changed series takes its new value: ``_`` missing, ``stuck`` no longer moving."""


def samples(value, after):
    """A series in promtool's notation, a sample a minute."""
    pieces = []
    for start, length, each in ((0, AFTER, value), (AFTER, MINUTES - AFTER, after)):
        if each == "now":
            pieces.append(f"{start * 60}+60x{length - 1}")
        elif each == "stuck":
            pieces.append(f"{start * 60}x{length - 1}")
        elif each.startswith("+"):
            pieces.append(f"{value}{each}x{length - 1}")
        else:
            pieces.append(f"{each}x{length - 1}")
    return " ".join(pieces)


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    ("changed", "firing"),
    [
        ({}, set()),
        ({"tcxo_channel_last_edge_age": "120"}, {"TcxoGpsLost"}),
        ({"tcxo_last_second": "stuck", 'tcxo_state{state="hold"': "1"}, {"TcxoBoardSilent"}),
        ({"tcxo_last_second": "_", 'tcxo_state{state="hold"': "1"}, {"TcxoBoardSilent"}),
        (
            {"tcxo_status": "stuck", "tcxo_last": "stuck", "tcxo_published": "stuck"},
            {"TcxoDaemonSilent", "TcxoFileStale"},
        ),
        ({"tcxo": "_"}, {"TcxoDaemonSilent"}),
        ({"tcxo_published": "stuck"}, {"TcxoFileStale"}),
        ({"tcxo_published": "stuck", "tcxo_trial": "1"}, set()),  # a block of prove --benefit
        ({"tcxo_published": "stuck", "tcxo_trial": "_"}, {"TcxoFileStale"}),  # a daemon before there was one
        ({'tcxo_state{state="holdover"': "1"}, {"TcxoHoldoverLong"}),
        ({"tcxo_frequency_error_sigma": "0.04"}, {"TcxoUncertain"}),
        ({"tcxo_channel_lost": "+5"}, {"TcxoLosses"}),
        ({"tcxo_line_bad_frames": "+5"}, {"TcxoLosses"}),
        ({"tcxo_phase_samples": "stuck"}, {"TcxoPhaseNotSent"}),
        ({"tcxo_phase_samples": "stuck", 'tcxo_state{state="track"': "0"}, set()),  # others say why
        ({"tcxo_phase": "_"}, set()),  # switched off
        ({"tcxo_phase_offset": "-2e-5"}, {"TcxoPhaseNotFollowed"}),
        ({"tcxo_phase_offset": "2e-5"}, {"TcxoPhaseNotFollowed"}),
    ],
)
def test_each_alert_fires_on_its_own_trouble_and_no_other(tmp_path, changed, firing):
    series = []
    for name, value in HEALTHY.items():
        after = next((new for begin, new in changed.items() if name.startswith(begin)), value)
        series.append({"series": name.replace("SELF", SELF), "values": samples(value, after)})
    # which alerts fire is asked of Prometheus' own series, so that labels and texts need not be repeated
    tests = {
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [
            {"eval_time": f"{AFTER - 1}m", "alertname": name, "exp_alerts": []} for name in RULES
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES - 1}m",
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)],
            }
        ],
    }
    document = {"rule_files": [str(GRAFANA / "alerts.yml")], "evaluation_interval": "1m", "tests": [tests]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_rules_and_the_exposition(tmp_path):
    subprocess.run(["promtool", "check", "rules", GRAFANA / "alerts.yml"], check=True, capture_output=True)
    running = Running(tmp_path, override(Config(), "metrics", textfile=str(tmp_path / "tcxo.prom")))
    running.run(3)
    running.outputs.close()
    with (tmp_path / "tcxo.prom").open() as text:
        done = subprocess.run(["promtool", "check", "metrics"], stdin=text, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
