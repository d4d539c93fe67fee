"""What doctor says of ``[phase]``, on trees of a good Pi with phase switched on."""

import json

import pytest
from support import pi_trees as trees
from tcxo_host.config import paths
from tcxo_host.pi.doctor.check import Level
from tcxo_host.pi.doctor.examine import examine, make_subject
from tcxo_host.pi.root import Root
from tcxo_host.publish.phase.pin import GPIOMEM
from tcxo_host.publish.phase_refclock import chrony_line

LINE = chrony_line(paths.PHASE_SOCK)
CONF = "/etc/chrony/conf.d/phase.conf"
SENT = {"state": "sent", "reason": "", "offset_ns": 4.0, "half_width_ns": 200.0, "sigma_ns": 4.0, "sent": 9}


@pytest.fixture
def diagnose(tmp_path):
    def run(tree=trees.PI4_GOOD, line=LINE, told=SENT, register=True, extra=""):
        toml = tree["/etc/tcxo-host.toml"] + "\n[phase]\nenabled = true\n"
        path = next(each for each in tree if each.endswith("status.json"))
        status = json.loads(tree[path]) | {"phase": told}
        config = next((each for each in tree if each.endswith("/config.txt")), None)
        tree = {**tree, "/etc/tcxo-host.toml": toml, path: json.dumps(status), CONF: line + "\n"}
        if config and extra:
            tree[config] = f"{tree[config]}\n{extra}\n"
        if register:
            tree[GPIOMEM] = ""
        trees.write_tree(tmp_path, tree)
        findings = examine(make_subject(Root(tmp_path), None, lambda url, baud: None))
        return {finding.name: finding for finding in findings}

    return run


def test_a_good_pi_with_phase_is_good(diagnose):
    found = diagnose()
    assert (found["phase"].level, found["samples"].level) == (Level.OK, Level.OK)
    assert found["phase"].text == f"{CONF}:1: GPS time by {paths.PHASE_SOCK}"
    assert found["samples"].text == "GPS +4 ns from the system clock"
    assert not {"arm clock", "pulse"} & set(found)


def test_options_of_the_socket_and_a_pulse_as_witness_are_good_too(diagnose):
    line = LINE.replace(".sock ", ".sock:perm=0660 ")
    found = diagnose(line=f"{line}\nrefclock PPS /dev/pps0 refid PPS noselect")
    assert found["phase"].level == Level.OK
    assert "pulse" not in found


@pytest.mark.parametrize(
    ("change", "name", "words", "remedy"),
    [
        ({"line": "# none"}, "phase", "chrony has no line", "refclock SOCK"),
        ({"line": LINE.replace(" pps ", " ")}, "phase", "without the word pps", "pps refid GPSP"),
        (
            {"line": f"{LINE}\n{LINE}"},
            "phase",
            f"{CONF}:1 and {CONF}:2: two lines on one socket",
            f"remove the line in {CONF}:1",
        ),
        (
            {"line": "refclock SOCK /run/x.sock pps refid GPSP"},
            "phase",
            f"GPSP reads /run/x.sock, but tcxo-host sends to {paths.PHASE_SOCK}",
            "refclock SOCK /run/chrony.tcxo-pps.sock pps refid GPSP",
        ),
        (
            {"line": f"{LINE}\nrefclock PPS /dev/pps0 refid PPS prefer"},
            "pulse",
            f"{CONF}:2: chrony may follow this pulse",
            "refclock PPS /dev/pps0 refid PPS noselect",
        ),
        ({"register": False}, "phase", "/dev/gpiomem is not there", "phase.enabled = false"),
        ({"tree": trees.TREES["pi-zero-good"]}, "phase", "fractional divider", "phase.enabled = false"),
        ({"told": None}, "samples", "runs without [phase]", "restart tcxo-host"),
        (
            {"told": {"state": "half-width", "reason": "only so well"}},
            "samples",
            "none (half-width): only so well",
            "status",
        ),
        ({"extra": "arm_freq_min=300"}, "arm clock", "loses counts", "arm_freq_min=600"),
    ],
)
def test_what_is_wrong_comes_with_its_remedy(diagnose, change, name, words, remedy):
    finding = diagnose(**change)[name]
    assert finding.level > Level.OK
    assert words in finding.text
    assert remedy in finding.remedy


def test_the_line_for_phase_does_not_pass_for_the_frequencys(diagnose):
    tree = {name: text for name, text in trees.PI4_GOOD.items() if "conf.d" not in name}
    finding = diagnose(tree=tree)["tempcomp"]
    assert (finding.level, finding.text[:16]) == (Level.FAIL, "no tempcomp line")


@pytest.mark.parametrize(
    "told", ["x", [1], {"state": "sent"}, {"state": "sent", "offset_ns": "far"}, {"reason": ""}]
)
def test_a_status_that_makes_no_sense_is_no_finding_and_no_traceback(diagnose, told):
    assert "samples" not in diagnose(told=told)
