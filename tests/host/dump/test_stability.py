"""Deviations and their intervals against theory, against allantools, and as the command prints them."""

import csv
import json

import allantools
import numpy as np
import pytest
from support.chrony_logs import UTC_S, refclock_line, tracking_line
from support.dump import dump
from tcxo_host.capture.columns import Loader
from tcxo_host.capture.simulated import simulated_entries
from tcxo_host.dump.analyse.clock_pairs import floor_of, longest_session_pairs
from tcxo_host.dump.analyse.deviations import KINDS, deviation, floor, gapless, longest_run

NOISES = {
    2: lambda rng: rng.normal(0, 1, 256),
    0: lambda rng: np.cumsum(rng.normal(0, 1, 256)),
    -2: lambda rng: np.cumsum(np.cumsum(rng.normal(0, 1, 256))),
}
"""By the exponent of the noise type: white phase, white frequency, random walk of frequency."""


@pytest.mark.parametrize("alpha", NOISES)
@pytest.mark.parametrize("kind", ["adev", "mdev", "hdev", "tdev"])
def test_the_intervals_hold_the_truth_as_often_as_they_claim(kind, alpha):
    rng = np.random.default_rng(3)
    runs = [deviation(kind, NOISES[alpha](rng), 1.0) for _ in range(60)]
    truth = np.sqrt(np.mean([each.value**2 for each in runs], axis=0))
    held = np.mean([(each.low <= truth) & (truth <= each.high) for each in runs])
    assert held == pytest.approx(0.683, abs=0.07)
    assert np.mean([each.alpha[0] for each in runs]) == pytest.approx(alpha, abs=0.2)


@pytest.mark.parametrize("kind", ["adev", "mdev", "hdev", "tdev", "mtie"])
def test_values_are_those_of_allantools(kind):
    x_s = np.cumsum(np.random.default_rng(1).normal(0, 1e-9, 2000))
    found = deviation(kind, x_s, 2.0)
    name = {"adev": "oadev", "hdev": "ohdev"}.get(kind, kind)
    _, values, *_ = getattr(allantools, name)(x_s, 0.5, data_type="phase", taus=found.tau_s)
    assert found.value == pytest.approx(values, rel=1e-9)
    assert found.tau_s[0] == 2.0
    assert (found.windows > 0).all()


@pytest.mark.parametrize("size", [16, 17, 20, 33, 64, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_few_points_have_wide_intervals_but_never_none(kind, size):
    found = deviation(kind, np.random.default_rng(size).normal(0, 1e-9, size), 1.0)
    assert found.value.size >= 3
    if kind != "mtie":
        assert (found.low < found.value).all()
        assert (found.value < found.high).all()


@pytest.mark.parametrize("kind", KINDS)
def test_data_without_noise_are_no_error(kind):
    found = deviation(kind, np.arange(100) * 1e-6, 1.0)
    assert np.isfinite(found.value).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_floor_is_what_rounding_to_ticks_adds(kind):
    rounding = np.random.default_rng(1).uniform(-0.5e-8, 0.5e-8, 60_000)
    found = deviation(kind, rounding, 1.0)
    assert found.value[:8] == pytest.approx(floor(kind, found.tau_s, 1.0, 1e-8)[:8], rel=0.05)


def test_a_wider_confidence_is_a_wider_interval():
    x_s = np.random.default_rng(1).normal(0, 1e-9, 500)
    narrow, wide = deviation("adev", x_s, 1.0), deviation("adev", x_s, 1.0, 0.95)
    assert (wide.low < narrow.low).all()
    assert (wide.high > narrow.high).all()


def test_the_longest_run_bridges_short_gaps_only():
    values = np.zeros(100)
    values[[10, 50, 51, 52]] = np.nan
    values[60:70] = np.nan
    assert longest_run(values) == slice(0, 60)
    assert longest_run(np.full(5, np.nan)) == slice(0, 0)
    ramp = np.where(np.isnan(values), np.nan, np.arange(100.0))
    assert gapless(ramp).tolist() == list(range(60))


@pytest.fixture(scope="module")
def pairs():
    loader = Loader()
    for entry in simulated_entries("sim:day", 1200):
        loader.take(entry)
    return longest_session_pairs(loader.finish(), "stability")


def test_no_pair_lies_below_the_floor_of_its_counter(pairs):
    assert list(pairs) == ["TCXO against GPS", "Pi against TCXO", "RTC against TCXO", "Pi against GPS"]
    for pair in pairs.values():
        found = deviation("adev", pair.x_s, pair.interval_s)
        assert (found.high > floor_of(pair, found)).all()
    # what the Pi's own noise leaves at 1 s is nearly all rounding
    found = deviation("adev", pairs["Pi against TCXO"].x_s, 1.0)
    assert found.value[0] == pytest.approx(floor_of(pairs["Pi against TCXO"], found)[0], rel=0.1)


def test_the_command_shows_the_same_numbers_in_every_form(tmp_path):
    table = tmp_path / "table.csv"
    done = dump("stability", "sim:steady", "--seconds", 300, "--csv", table, "--json")
    assert done.returncode == 0, done.stderr
    pair = json.loads(done.stdout)["pairs"]["TCXO against GPS"]
    assert set(pair) >= {"adev", "mdev", "hdev", "tdev", "mtie"}
    rows = [row for row in csv.DictReader(table.open()) if row["pair"] == "TCXO against GPS"]
    adev = [row for row in rows if row["kind"] == "adev"]
    assert [float(row["value"]) for row in adev] == pytest.approx(pair["adev"]["value"], rel=1e-6)
    assert [float(row["low"]) for row in adev] == pytest.approx(pair["adev"]["low"], rel=1e-6)
    assert adev[0]["noise"] == pair["adev"]["noise"][0] == "WPM"
    assert [row["low"] for row in rows if row["kind"] == "mtie"] == [""] * len(pair["mtie"]["tau_s"])
    shown = dump("stability", "sim:steady", "--seconds", 300).stdout
    assert f"{pair['adev']['value'][0]:.2e}" in shown
    assert "68 % from" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_one_kind_with_its_own_interval_and_confidence():
    shown = dump("stability", "sim:steady", "--seconds", 300, "--kind", "tdev", "--confidence", "95").stdout
    assert "TDEV   95 % from" in shown
    assert "ADEV" not in shown


def test_chronys_logs_give_the_steered_clock(tmp_path):
    rng = np.random.default_rng(1)
    offsets = rng.normal(0, 2e-8, 500)
    log = tmp_path / "refclocks.log"
    lines = [refclock_line(UTC_S + 16 * n, "PPS0", each, filtered=True) for n, each in enumerate(offsets)]
    log.write_text("\n".join([*lines, "torn"]) + "\n")
    tracking = tmp_path / "tracking.log"
    tracking.write_text(
        "".join(tracking_line(UTC_S + 16 * n, each) + "\n" for n, each in enumerate(offsets[:200]))
    )
    done = dump("stability", "--refclocks", log, "--tracking", tracking, "--json")
    assert done.returncode == 65
    assert "1 bad line left out" in done.stderr
    pairs = json.loads(done.stdout)["pairs"]
    assert list(pairs) == ["system clock against PPS0", "system clock against tracking.log"]
    pps = pairs["system clock against PPS0"]
    assert pps["tdev"]["value"][0] == pytest.approx(2e-8, rel=0.1)
    assert pps["interval_s"] == 16.0
    assert pps["tdev"]["counter_floor"] is None


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_it_is_drawn_with_the_floor(tmp_path, form):
    picture = tmp_path / f"s.{form}"
    done = dump(
        "stability", "sim:steady", "--seconds", 100, "--kind", "adev", "--kind", "mtie", "-o", picture
    )
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
    if form == "svg":
        assert "floor of the counter (11.9 ns)" in picture.read_text()


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        ([], 64, "name a capture, or chrony's logs"),
        (["sim:steady", "--json", "--csv", "-"], 64, "would share stdout"),
        (["sim:steady", "-o", "x.gif"], 64, "expected a name that ends in .png, .svg, .pdf"),
        (["sim:steady", "--seconds", "5"], 65, "no channel has 16 s of edges without a gap"),
        (["sim:steady", "--confidence", "5"], 64, "expected a percentage from 50 to 99.9"),
        (["--refclocks", "nothing.log"], 65, "nothing.log: cannot be read"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path, args, status, said):
    done = dump("stability", *args, cwd=tmp_path)
    assert done.returncode == status
    assert said in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
