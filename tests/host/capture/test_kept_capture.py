"""A capture that the real firmware and daemon made once (a simulated minute): every later version reads it."""

import hashlib
import json
from pathlib import Path

import pytest
from support.dump import dump

CAPTURE = Path(__file__).resolve().parents[2] / "data/sim-minute.tcxocap"


def test_info():
    info = json.loads(dump("info", CAPTURE, "--json").stdout)
    (board,) = info["boards"]
    assert (info["frames"], info["edges"], info["lost_edges"], info["bad_records"]) == (124, 3120, 0, 0)
    assert (board["board"], board["boot_id"], board["tick_hz"], board["seconds"]) == (
        "SIM",
        "0c0c7c52",
        84_000_000,
        60,
    )
    assert {role: each["edges"] for role, each in board["channels"].items()} == {
        "gps_pps": 60,
        "rtc_pps": 60,
        "host_pwm": 3000,
    }


def test_every_edge():
    csv = dump("export", CAPTURE, "--format", "csv").stdout
    assert hashlib.sha256(csv.encode()).hexdigest() == SHA256
    assert csv.count("\n") == 3121


def test_the_rows():
    rows = [line.split(",") for line in dump("replay", CAPTURE, "--csv", "-").stdout.splitlines()[1:]]
    assert len(rows) == 60
    assert rows[-1][1] == "track"
    # what this world's Pi and TCXO had at its end, within what a minute can tell
    assert float(rows[-1][2]) == pytest.approx(-0.1368, abs=0.004)
    assert float(rows[-1][5]) == pytest.approx(0.470, abs=0.004)


SHA256 = "115b88f092635278beda36b3ed56161ec3cc547e4bf9d6cc571be229da8eef91"
