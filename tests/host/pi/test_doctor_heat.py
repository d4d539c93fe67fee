"""What doctor says of the oven's service, where it was asked for."""

import json

import pytest
from support import pi_trees as trees
from tcxo_host.pi.doctor.check import Level
from tcxo_host.pi.doctor.examine import examine, make_subject
from tcxo_host.pi.heat.averages import Row
from tcxo_host.pi.heat.oven.oven import Command
from tcxo_host.pi.heat.paths import UNIT
from tcxo_host.pi.heat.report import Tally, status_values
from tcxo_host.pi.heat.service import UNIT_FILE
from tcxo_host.pi.root import Root

RUNNING = {f"/sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs": "900\n"}


def told(**changes):
    tally = Tally()
    row = Row(0.0, 1e9, 61.0, 0.9, 0.3, 1.25, 61.1)
    tally.add(row)
    return json.dumps(status_values("hold", row, tally, Command(()), 1e9) | changes)


@pytest.mark.parametrize(
    ("status", "more", "level", "words"),
    [
        (told(), RUNNING, Level.OK, "61.0 °C, set-point 61.1 °C; about 1.0 W"),
        (told(stop="throttled"), {}, Level.FAIL, "stopped: throttled"),
        (told(), {}, Level.WARN, "does not run"),
        (told(saturated="full"), RUNNING, Level.WARN, "all cores burn, and it is not enough"),
        (None, RUNNING, Level.WARN, "has not told anything"),
        ("{}", RUNNING, Level.WARN, "has not told anything"),
        ("[1]", RUNNING, Level.WARN, "has not told anything"),
    ],
)
def test_the_service_is_judged(tmp_path, status, more, level, words):
    tree = trees.PI4_GOOD | more | {UNIT_FILE: "[Service]\n"}
    if status is not None:
        tree["/run/tcxo-host-heat/status.json"] = status
    trees.write_tree(tmp_path, tree)
    found = {each.name: each for each in examine(make_subject(Root(tmp_path), None, lambda url, baud: None))}
    assert found["heat"].level is level
    assert words in found["heat"].text
    assert bool(found["heat"].remedy) == (level is not Level.OK)


def test_without_the_service_there_is_nothing_to_say(tmp_path):
    trees.write_tree(tmp_path, trees.PI4_GOOD)
    assert "heat" not in {
        each.name for each in examine(make_subject(Root(tmp_path), None, lambda url, baud: None))
    }
