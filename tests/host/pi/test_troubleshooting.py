"""troubleshooting.md: each message in it is what the programs print, on a machine, a board or in a source."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest
from support import pi_trees as trees
from support.streams import PerfectBoard, identify
from tcxo_host.cli.status_view import Ages, status_lines
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.pi.doctor.examine import as_text, examine, make_subject
from tcxo_host.pi.root import Root
from tcxo_host.publish.policy import PublishPolicy
from tcxo_protocol.records import build_record

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "host/troubleshooting.md"
QUOTE = re.compile(r"<!-- (\w+)(?:: (.+?))? -->\n```\n(.*?)```", re.DOTALL)
QUOTES = [(kind, case, text) for kind, case, text in QUOTE.findall(PAGE.read_text())]


def of(kind):
    return [pytest.param(case, text, id=case or text[:40]) for found, case, text in QUOTES if found == kind]


def spoilt():
    """The faults of the doctor's own tests, and some more."""
    path = Path(__file__).with_name("test_doctor.py")
    spec = importlib.util.spec_from_file_location("doctors_tests", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    status = "/run/tcxo-host/status.json"
    more = {
        "GPS wire off": lambda tree: tree | {status: silent(tree[status], "gps_pps")},
        "GPS and PWM swapped": lambda tree: (
            tree | {status: trees.status_json(gps_pps=50.0, rtc_pps=1.0, host_pwm=1.0)}
        ),
    }
    return {name: case[0] for name, case in module.SPOILT.items()} | more


def silent(status, role):
    """The status with no edge of a channel for a long time."""
    values = json.loads(status)
    values["channels"][role]["age_s"] = 90.0
    return json.dumps(values)


def test_the_page_is_linked_and_every_block_is_checked_here():
    assert "host/troubleshooting.md" in (ROOT / "README.md").read_text()
    assert len(QUOTES) == PAGE.read_text().count("```") // 2 - 1  # all but the three commands at the top
    assert {kind for kind, *_ in QUOTES} == {"doctor", "daemon", "status", "source"}


@pytest.mark.parametrize(("case", "text"), of("doctor"))
def test_doctor_prints_it(tmp_path, case, text):
    spoil = None if case == "pi5" else spoilt()[case]
    base = trees.DATA / "pi5" if spoil is None else trees.write_tree(tmp_path, spoil(dict(trees.PI4_GOOD)))

    def no_link(url, baud):
        raise AssertionError(url)

    shown = as_text(examine(make_subject(Root(base), None, no_link)))
    for line in text.splitlines():
        assert line in shown.splitlines()


def said(script):
    """``state: reason`` of each change, for seconds with some channels dropped."""
    pipeline, board = Pipeline(make_estimator("kalman"), PublishPolicy()), PerfectBoard(1.0, 0.3, -2.0)
    host_ns, found = 10**12, []
    pipeline.feed(host_ns, build_record(identify()))
    for seconds, dropped in script:
        for _ in range(seconds):
            host_ns += 10**9
            rows = [
                event
                for event in pipeline.feed(host_ns, board.payload(drop=dropped))
                if isinstance(event, Row)
            ]
            found += [f"{row.state}: {row.reason}" for row in rows]
    return found


DAEMON = {
    "no GPS": [(10, ("gps_pps",))],
    "GPS goes": [(60, ()), (20, ("gps_pps",))],
    "no PWM": [(10, ("host_pwm",))],
    "PWM goes": [(60, ()), (10, ("host_pwm",))],
}


@pytest.mark.parametrize(("case", "text"), of("daemon"))
def test_the_daemon_says_it(case, text):
    assert said(DAEMON[case])[-1] == text.strip()


@pytest.mark.parametrize(("case", "text"), of("status"))
def test_status_shows_it(case, text):
    values = json.loads(trees.status_json(gps_pps=1.0, rtc_pps=1.0, host_pwm=50.0))
    values["channels"]["gps_pps"].update(age_s=None, edges=0, seen_hz=None)
    lines = {line.label: line.text for line in status_lines(values, Ages(0.1, 0.1), None)}
    assert lines["gps_pps"] == text.strip()


def texts():
    """Every string of the host's programs as a pattern: what is filled in matches anything that is short."""
    for path in (ROOT / "host/tcxo_host").rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(each.value) if isinstance(each, ast.Constant) else r".{1,60}"
                    for each in node.values
                ]
                literal = sum(len(each.value) for each in node.values if isinstance(each, ast.Constant))
                if literal >= 15:
                    yield re.compile("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) >= 15:
                yield re.compile(re.escape(node.value))


TEXTS = list(texts())


def is_a_message(line):
    """Whether some string of the programs makes all of it, or it is a plain part of one."""
    return any(each.fullmatch(line) for each in TEXTS) or any(
        re.escape(line) in each.pattern for each in TEXTS
    )


@pytest.mark.parametrize(("case", "text"), of("source"))
def test_the_sources_have_it(case, text):
    for line in text.strip().splitlines():
        assert is_a_message(line), line


def test_a_message_that_no_program_has_is_found():
    assert not is_a_message("GPS contradicts the TCXO: has the receiver a fox?")
    assert not is_a_message("the daemon is tired")
