"""Two references side by side: the figures of logs whose truth is known, in the form in which chronyd writes them."""

import functools
import gzip
import json
import re
import subprocess

import numpy as np
import pytest
from support.chrony_logs import UTC_S, banner, measurement_line, refclock_line
from support.dump import dump
from tcxo_host.dump.analyse.bias import constant_bias, student_95
from tcxo_host.dump.analyse.two_sources import Source, difference, outages
from tcxo_host.errors import DataError

N = 4000


def correlated(rng, tau, runs):
    """Rows of noise of standard deviation 1 with a correlation time of ``tau`` samples."""
    keep = np.exp(-1.0 / tau) if tau else 0.0
    noise = rng.normal(0, np.sqrt(1 - keep**2), (runs, N))
    noise[:, 0] = rng.normal(size=runs)
    for index in range(1, N):
        noise[:, index] += keep * noise[:, index - 1]
    return noise


@pytest.mark.parametrize("tau", [0, 5, 60])
def test_the_interval_of_the_bias_holds_the_truth_however_the_noise_is_correlated(tau):
    rng = np.random.default_rng(tau)
    time_s = np.arange(N) * 1.0
    line = 3.0 + 1e-4 * (time_s - N / 2)
    found = [constant_bias(time_s, line + noise) for noise in correlated(rng, tau, 200)]
    claimed = [each for each in found if not each.wanders]
    assert len(claimed) >= 150
    assert np.mean([abs(each.bias_s - 3.0) <= each.bias_half_s for each in claimed]) >= 0.89
    assert np.mean([abs(each.drift_per_s - 1e-4) <= each.drift_half_per_s for each in claimed]) >= 0.89
    # an interval that is always too wide would hold the truth, too
    scatter = np.std([each.bias_s for each in claimed])
    assert np.median([each.bias_half_s for each in claimed]) < 3 * scatter


def test_a_difference_that_wanders_as_far_as_it_is_watched_has_no_constant_bias():
    rng = np.random.default_rng(1)
    found = [constant_bias(np.arange(N) * 1.0, np.cumsum(rng.normal(0, 1, N))) for _ in range(60)]
    assert np.mean([each.wanders for each in found]) > 0.9


def test_too_few_values_have_no_interval():
    assert constant_bias(np.arange(40.0), np.zeros(40)) is None
    assert constant_bias(np.zeros(500), np.zeros(500)) is None
    flat = constant_bias(np.arange(500.0), np.full(500, 2.0))
    assert (flat.bias_s, flat.bias_half_s) == (2.0, pytest.approx(0.0, abs=1e-12))


@pytest.mark.parametrize(("freedom", "quantile"), [(7, 2.365), (10, 2.228), (46, 2.013), (94, 1.986)])
def test_students_quantile(freedom, quantile):
    assert student_95(freedom) == pytest.approx(quantile, abs=2e-3)


def test_what_the_computers_clock_does_falls_out():
    time_s = np.arange(0, 4000, 4.0)
    clock = 1e-5 * np.sin(time_s / 300) + 1e-7 * time_s
    late_s = time_s + 1.7
    first = Source("A", time_s, clock + 250e-9)
    second = Source("B", late_s, np.interp(late_s, time_s, clock))
    both = difference(first, second)
    assert both.x_s == pytest.approx(np.full(both.x_s.size, 250e-9), abs=2e-9)
    assert difference(second, first).x_s == pytest.approx(-250e-9, abs=2e-9)
    slow = Source("C", time_s[::10], clock[::10])
    assert difference(slow, first).x_s == pytest.approx(-250e-9, abs=5e-7)


def test_single_wild_samples_are_left_out_and_counted():
    rng = np.random.default_rng(1)
    time_s = np.arange(2000.0)
    offset_s = rng.normal(0, 1e-8, 2000)
    offset_s[[300, 301, 1500]] = 1e-3
    both = difference(Source("A", time_s, offset_s), Source("B", time_s, np.zeros(2000)))
    assert both.outliers == 3
    assert np.max(np.abs(both.x_s)) < 1e-7


def test_two_sources_that_never_meet_are_told():
    early, late = np.arange(100.0), np.arange(1000.0, 1100.0)
    with pytest.raises(DataError, match="A and B have 0 samples at the same time"):
        difference(Source("A", early, early * 0), Source("B", late, late * 0))


def test_an_outage_says_what_the_clock_did_and_how_far_off_the_source_came_back():
    rng = np.random.default_rng(1)
    time_s = np.arange(4000.0)
    silent = (time_s > 1000) & (time_s < 2000)
    noise = rng.normal(0, 1e-8, (2, 4000))
    # steered by A alone while B is silent, the clock is 300 ns off A at most; B comes back 80 ns later than it was
    a = Source("A", time_s, noise[0] + np.where(silent, 3e-7 * (time_s - 1000) / 1000, 0))
    b_offset_s = noise[1] + 5e-8 - np.where(time_s >= 2000, 8e-8, 0)
    b = Source("B", time_s[~silent], b_offset_s[~silent])
    (one,) = outages(a, b, difference(a, b))
    assert (one.ended, one.other, one.seconds) == ("B", "A", 1000.0)
    assert one.clock_moved_s == pytest.approx(3e-7, abs=4e-8)
    assert one.back_off_s == pytest.approx(-8e-8, abs=4 * one.back_sigma_s)
    gone = Source("B", b.utc_s[b.utc_s < 1500], b.offset_s[b.utc_s < 1500])
    (ended,) = outages(a, gone, difference(a, gone))
    assert (ended.from_utc_s, ended.back_off_s) == (1000.0, None)


@functools.cache
def _day(bias_s, filtered):
    rng = np.random.default_rng(1)
    times = UTC_S + np.arange(2700) * 8.0
    clock = np.cumsum(rng.normal(0, 1e-9, times.size))
    lines = []
    for number, (utc_s, here) in enumerate(zip(times, clock, strict=True)):
        lines += banner("refclocks") if number % 32 == 0 else []
        for name, offset_s in (("PPS0", bias_s), ("PTP0", 0.0)):
            late_s = 0.25 if name == "PTP0" else 0.0
            offset_s = here + offset_s + rng.normal(0, 2e-8)
            lines.append(refclock_line(utc_s + late_s, name, offset_s, filtered=filtered))
    return lines


def day(*, bias_s=130e-9, filtered=True):
    """A quarter of a day of two refclocks at 8 s, PPS0 ahead of PTP0."""
    return list(_day(bias_s, filtered))


def compared(*args):
    done = dump("compare", *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["pairs"]


@pytest.mark.parametrize("filtered", [True, False])
def test_the_command_finds_the_bias_and_the_line_that_takes_it_out(tmp_path, filtered):
    path = tmp_path / "refclocks.log"
    path.write_text("\n".join(day(filtered=filtered)) + "\n")
    (pair,) = compared(path, "--against", "PTP0")
    assert (pair["first"], pair["second"], pair["samples"]) == ("PPS0", "PTP0", 2700)
    assert pair["bias"]["bias_s"] == pytest.approx(130e-9, abs=2 * pair["bias"]["bias_half_s"])
    assert pair["bias"]["bias_half_s"] < 3e-9
    assert pair["offset_options_s"]["PPS0"] == -pair["bias"]["bias_s"]
    # white noise of 2 x 20 ns, of which a line between two neighbours keeps nearly all
    assert pair["deviations"]["tdev"]["tdev_s"][0] == pytest.approx(2e-8 * np.sqrt(2), rel=0.06)
    shown = dump("compare", path, "--against", "PTP0").stdout
    assert re.search(
        r"bias      \+1[23]\d\.\d ± \d\.\d ns \(95 %, \d+ blocks of .*; \+ is PPS0 ahead\)", shown
    )
    assert re.search(r"refclock \.\.\. refid PPS0 \.\.\. offset -0\.0000001[23]\d", shown)
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_sources_that_agree_need_no_line(tmp_path):
    path = tmp_path / "refclocks.log"
    path.write_text("\n".join(day(bias_s=0.0)) + "\n")
    assert "they agree within that: no offset line is needed" in dump("compare", path).stdout


def test_rotated_and_compressed_files_in_any_order_are_one_log(tmp_path):
    lines = day()
    whole = tmp_path / "whole"
    whole.write_text("\n".join(lines) + "\n")
    (tmp_path / "refclocks.log").write_text("\n".join(lines[3000:]) + "\n")
    (tmp_path / "refclocks.log.1.gz").write_bytes(gzip.compress(("\n".join(lines[:3100]) + "\n").encode()))
    (tmp_path / "refclocks.log.2").write_text("")
    assert compared(*sorted(tmp_path.glob("refclocks*"))) == compared(whole)


def test_a_refclock_and_a_server_from_both_logs(tmp_path):
    rng = np.random.default_rng(1)
    (tmp_path / "refclocks.log").write_text("\n".join(day()) + "\n")
    times = UTC_S + np.arange(340) * 64.0
    servers = [measurement_line(utc_s, "192.0.2.7", 5e-5 + rng.normal(0, 1e-6)) for utc_s in times]
    failed = measurement_line(UTC_S + 7, "192.0.2.7", 9.0).replace("111 111 1111", "111 111 0111")
    (tmp_path / "measurements.log").write_text("\n".join([*banner("measurements"), failed, *servers]) + "\n")
    pairs = compared(tmp_path / "measurements.log", tmp_path / "refclocks.log", "--against", "PTP0")
    server = next(pair for pair in pairs if pair["first"] == "192.0.2.7")
    assert server["bias"]["bias_s"] == pytest.approx(5e-5, abs=2e-7)
    assert server["outliers"] == 0


def test_bad_lines_are_counted_and_named_and_the_status_tells(tmp_path):
    lines = day()
    lines[500] = lines[500][:30]
    lines[900] = "nonsense"
    path = tmp_path / "refclocks.log"
    path.write_text("\n".join(lines) + "\n")
    done = dump("compare", path)
    assert done.returncode == 65
    assert f"2 bad lines left out, the first is {path}: line 501: '2026-01-01" in done.stderr
    assert "PPS0" in done.stdout


@pytest.mark.parametrize(
    ("content", "args", "status", "said"),
    [
        ("", [], 65, "empty: 'log refclocks measurements' in chrony.conf makes these logs"),
        ("hello\n", [], 65, "no line of a chrony refclocks.log or measurements.log in it"),
        ("DAY", ["--against", "XYZ"], 64, "--against XYZ: not in the logs, which have PPS0, PTP0"),
        ("DAY", ["-o", "x.gif"], 64, "expected a name that ends in .png, .svg, .pdf"),
        ("DAY", ["--last", "20"], 65, "samples are too few to compare"),
        ("ONE", [], 65, "two sources with 16 samples are needed, the logs have PPS0"),
        (None, [], 65, "cannot be read"),
    ],
)
def test_wrong_usage_and_other_files_are_one_sentence(tmp_path, content, args, status, said):
    path = tmp_path / "refclocks.log"
    lines = day() if content in ("DAY", "ONE") else [content or ""]
    if content == "ONE":
        lines = [line for line in lines if "PTP0" not in line]
    if content is not None:
        path.write_text("\n".join(lines).strip() + "\n" if content else "")
    done = dump("compare", path, *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert {each.name for each in tmp_path.iterdir()} <= {"refclocks.log"}


def test_a_compressed_file_that_was_cut_off_is_used_so_far(tmp_path):
    path = tmp_path / "refclocks.log.gz"
    packed = gzip.compress(("\n".join(day()) + "\n").encode())
    path.write_bytes(packed[: len(packed) // 2])
    done = dump("compare", path)
    assert done.returncode == 65
    assert "PPS0" in done.stdout
    assert str(path) in done.stderr


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_it_is_drawn(tmp_path, form):
    path = tmp_path / "refclocks.log"
    path.write_text("\n".join(day()) + "\n")
    picture = tmp_path / f"pair.{form}"
    done = dump("compare", path, "-o", picture)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
    if form == "svg":
        text = picture.read_text()
        assert "PTP0 ahead of PPS0" in text or "PPS0 ahead of PTP0" in text
        assert "MTIE" in text


CONF = """\
{refclocks}
logdir {folder}
log refclocks
pidfile {folder}/chronyd.pid
port 0
cmdport 0
bindcmdaddress /
"""


@pytest.mark.needs("chronyd")
def test_a_real_chronyd_with_the_line_that_was_shown_agrees(tmp_path):
    """Two SOCK refclocks, A 3 ms ahead of B, with the offset option that ``compare`` tells they are together."""
    first = _chronyd_log(tmp_path / "first", {})
    (before,) = compared(first, "--raw", "--against", "BBBB")
    assert before["bias"]["bias_s"] == pytest.approx(3e-3, abs=1e-5)
    second = _chronyd_log(tmp_path / "second", {"AAAA": before["offset_options_s"]["AAAA"]})
    (after,) = compared(second, "--raw", "--against", "BBBB")
    assert abs(after["bias"]["bias_s"]) < 1.5e-5


def _chronyd_log(folder, offsets):
    import getpass
    import time

    from tcxo_host.publish.refclock import pack_sample
    from tcxo_host.publish.sample_socket import SampleSocket

    folder.mkdir()
    lines = [
        f"refclock SOCK {folder}/{name} refid {name} poll 0 offset {offsets.get(name, 0.0):.9f}"
        for name in ("AAAA", "BBBB")
    ]
    (folder / "chrony.conf").write_text(CONF.format(refclocks="\n".join(lines), folder=folder))
    user = ["-u", "root"] if getpass.getuser() == "root" else []
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(
            ["chronyd", "-x", "-d", "-U", *user, "-f", str(folder / "chrony.conf")], stderr=out, stdout=out
        )
    rng = np.random.default_rng(len(offsets))
    sockets = {name: SampleSocket(str(folder / name), "", "") for name in ("AAAA", "BBBB")}
    log = folder / "refclocks.log"
    try:
        deadline = time.monotonic() + 30
        # each sample is sent when chronyd has taken the one before, so that none is lost on a busy machine
        while time.monotonic() < deadline and (not log.exists() or len(_rows(log)) < 140):
            seen = len(_rows(log)) if log.exists() else 0
            now_ns = time.time_ns()
            sent = [
                sockets[name].send(pack_sample(now_ns, offset_s + rng.normal(0, 1e-5)))
                for name, offset_s in (("AAAA", 3e-3), ("BBBB", 0.0))
            ]
            while all(sent) and time.monotonic() < deadline and (not log.exists() or len(_rows(log)) <= seen):
                time.sleep(0.005)
            time.sleep(0.01)
    finally:
        process.terminate()
        process.wait(20)
        for each in sockets.values():
            each.close()
    return log


def _rows(log):
    return [line for line in log.read_text().splitlines() if line[:1].isdigit() and " - N " not in line]
