"""troubleshooting.md: each message in it is what the programs print, on a machine, a board or in a source."""

import ast
import importlib.util
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support import pi_trees as trees
from support.streams import PerfectBoard, identify
from tcxo_host.cli.prove.crystal import Judgement, Verdict
from tcxo_host.cli.prove.words import sentence
from tcxo_host.cli.simulate import phase_trial
from tcxo_host.cli.simulate.phase_trial import PhaseTrial
from tcxo_host.cli.status_view import Ages, status_lines
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.pi.doctor.examine import as_text, examine, make_subject
from tcxo_host.pi.root import Root
from tcxo_host.publish.phase.ambiguity import Witnesses
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.sim.frames import FrameSource
from tcxo_host.sim.scenario import GpsStep, load_scenario
from tcxo_host.sim.world import World
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
    assert {kind for kind, *_ in QUOTES} == {"doctor", "daemon", "status", "source", "phase", "words"}


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


FACTORS = {Verdict.OTHER_CRYSTAL: (-0.2, 0.08), Verdict.WRONG_SIGN: (1.01, 0.05)} | {
    Verdict.NOT_APPLIED: (-2.01, 0.06),
    Verdict.INVERTED: (-2.98, 0.09),
}


@pytest.mark.parametrize(("case", "text"), of("words"))
def test_prove_says_it(case, text):
    judged = [Judgement(Verdict.TOO_LITTLE, 600.0, 20, 0.003)]
    judged += [
        Judgement(verdict, 3600.0, 120, 0.2, slope, slope - half, slope + half)
        for verdict, (slope, half) in FACTORS.items()
    ]
    assert text.splitlines() == [sentence(each) for each in judged]
    assert {each.verdict for each in judged} == set(Verdict) - {Verdict.RIGHT}


class Inverted:
    """A simulated Pi with something inverted: what the shipped phase code claims, and what it says instead.

    ``pulse_ms``: the GPS pulse's width, its falling edge taken by the board; ``kernel``: by the kernel's PPS, too.
    """

    def __init__(self, monkeypatch, pulse_ms=0.0, pwm=False, kernel=None):
        scenario = load_scenario("steady")
        steps = (GpsStep(0.0, pulse_ms * 1e6),) if pulse_ms else ()
        trial = PhaseTrial(replace(scenario, gps=replace(scenario.gps, step=steps)), seed=1)
        if pwm:
            trial.pi.rewrite_pwm(0.5e9 / scenario.pwm.rate_hz)
        if kernel is not None:
            late_ns = 5e3 + (pulse_ms * 1e6 if kernel else 0.0)

            def witnesses(**known):
                fast_ns = -trial.pi.true_offset_ns(trial.pi.clock(time.CLOCK_REALTIME))
                return Witnesses(**known, pps_after_ns=(fast_ns + late_ns) % 1e9)

            monkeypatch.setattr(phase_trial, "Witnesses", witnesses)
        done = list(trial.seconds(40))
        self.errors_ms = [each.error_ns / 1e6 for each in done if each.error_ns is not None]
        self.said = done[-1].verdict.reason


INVERTED = {
    "a GPS pulse of 50 ms": {"pulse_ms": 50.0},
    "a PWM": {"pwm": True},
    "a GPS pulse of 100 ms on the kernel's pin too": {"pulse_ms": 100.0, "kernel": True},
}


@pytest.mark.parametrize(("cases", "text"), of("phase"))
def test_phase_refuses_with_it(monkeypatch, cases, text):
    assert cases.split(", ") == list(INVERTED)
    for inverted in INVERTED.values():
        found = Inverted(monkeypatch, **inverted)
        assert not found.errors_ms
        assert text.strip() in found.said


@pytest.mark.parametrize(
    ("pulse_ms", "kernel", "off_ms"), [(100.0, None, 0.0), (100.0, False, 0.0), (0.2, None, -0.2)]
)
def test_phase_takes_five_edges_for_a_long_pulse_and_believes_a_short_one(
    monkeypatch, pulse_ms, kernel, off_ms
):
    """As the table of the page has it."""
    found = Inverted(monkeypatch, pulse_ms, kernel=kernel)
    assert len(found.errors_ms) > 20
    assert found.errors_ms == pytest.approx([off_ms] * len(found.errors_ms), abs=1e-3)


def test_frequency_does_not_care_which_edge_it_is():
    def measured_ppm(pulse_ms):
        scenario = load_scenario("steady")
        steps = (GpsStep(0.0, pulse_ms * 1e6),) if pulse_ms else ()
        world = World(replace(scenario, gps=replace(scenario.gps, step=steps)), 1)
        source, pipeline = FrameSource(scenario.tick_hz), Pipeline(make_estimator("kalman"), PublishPolicy())
        rows = [
            event
            for number in range(60)
            for payload in source.payloads(world.step())
            for event in pipeline.feed((number + 1) * 10**9, payload)
            if isinstance(event, Row)
        ]
        assert rows[-1].state == "track"
        return rows[-1].published_ppm

    assert measured_ppm(100.0) == pytest.approx(measured_ppm(0.0), abs=1e-5)


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
