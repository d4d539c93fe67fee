"""refclocks.log and measurements.log: chrony's own lines are read, torn and foreign ones counted and named."""

import gzip
import tracemalloc

import numpy as np
import pytest
from support.chrony_logs import refclock_line
from tcxo_host.errors import DataError
from tcxo_host.pi.chrony.measurements_log import parse_measurements, read_measurements
from tcxo_host.pi.chrony.refclock_log import parse_refclocks, read_refclocks

BANNER = [
    "=" * 79,
    "   Date (UTC) Time         Refid  DP L P  Raw offset   Cooked offset      Disp.",
    "=" * 79,
]
# the first is the example of chrony.conf(5), the rest were written by chronyd 4.3
LINES = [
    "2009-11-30 14:33:27.000000 PPS2    7 N 1  4.900000e-07 -6.741777e-07  1.000e-06",
    "2026-11-25 01:02:03.000417 GPSP    0 N 1 -4.171234e-04 -4.170000e-04  1.133e-07",
    "2026-11-25 01:02:02.000417 GPSP    0 ? 1 -4.000000e-04 -3.990000e-04  1.133e-07",
    "2026-11-25 01:02:03.000417 GPSP    - N -       -       -4.170000e-04  1.133e-07",
]
SERVER = (
    "2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.0 -4.966e-03  2.296e-01  1.577e-05"
    "  1.615e-01  7.446e-03 CB00717B 4B D K"
)


def test_each_clocks_lines_come_apart_and_in_order_of_time():
    log = parse_refclocks(BANNER + LINES)
    assert set(log.samples) == {"PPS2", "GPSP"}
    assert set(log.filtered) == {"GPSP"}
    gpsp, pps = log.samples["GPSP"], log.samples["PPS2"]
    assert gpsp.offset_s.tolist() == [-3.99e-4, -4.17e-4]
    assert gpsp.raw_offset_s.tolist() == [-4e-4, -4.171234e-4]
    assert (gpsp.utc_s[1] - gpsp.utc_s[0], gpsp.pulse.tolist()) == (1.0, [True, True])
    assert (pps.utc_s[0], pps.dispersion_s[0]) == (1259591607.0, 1e-6)
    assert np.isnan(log.filtered["GPSP"].raw_offset_s).all()
    assert not log.filtered["GPSP"].pulse.any()
    assert log.bad.count == 0


@pytest.mark.parametrize("refid", ["", "A B", "-", "N", "1"])
def test_a_reference_id_may_be_odd(refid):
    lines = [f"{line[:27]}{refid:<5}{line[32:]}" for line in LINES[1:]]
    log = parse_refclocks(lines)
    assert (set(log.samples), set(log.filtered)) == ({refid}, {refid})


@pytest.mark.parametrize(
    "bad",
    [
        LINES[1][:-1],  # torn by a crash
        LINES[1][:50] + LINES[2],
        LINES[1].replace("-4.170000e-04", "          nan"),
        LINES[1].replace("2026-11-25", "2026-02-30"),
        "INVALID    INVALID .000000 GPSP    0 N 1 -4.171234e-04 -4.170000e-04  1.133e-07",  # time out of range
        SERVER,
        "\x00" * 40,
    ],
)
def test_a_bad_line_is_counted_and_named(bad):
    log = parse_refclocks([*LINES[:2], bad, LINES[2], bad], "some.log")
    assert log.samples["GPSP"].utc_s.size == 2
    assert log.bad.count == 2
    assert log.bad.first.startswith(f"some.log: line 3: {bad[:20]!r}"[:-1])


def test_rotated_and_compressed_files_are_one_log(tmp_path):
    (tmp_path / "new").write_text("\n".join([*BANNER, LINES[1], "torn", ""]))
    (tmp_path / "old.gz").write_bytes(gzip.compress("\r\n".join(LINES[2:]).encode()))
    log = read_refclocks([str(tmp_path / "new"), str(tmp_path / "old.gz")])
    assert np.diff(log.samples["GPSP"].utc_s).tolist() == [1.0]
    assert log.bad.first == f"{tmp_path}/new: line 5: 'torn'"


def test_a_log_without_a_usable_line_is_refused():
    with pytest.raises(
        DataError, match=r"^refclocks\.log: no line .* \('log refclocks' in chrony.conf makes one"
    ):
        parse_refclocks([*BANNER, SERVER])
    with pytest.raises(DataError, match=r"^measurements\.log: no line"):
        parse_measurements(LINES)
    with pytest.raises(DataError, match="cannot be read"):
        read_refclocks(["/nowhere"])


def test_what_a_server_said_is_read_too(tmp_path):
    failed = SERVER.replace("203.0.113.15 ", "2001:db8:1234:5678::123").replace("1111 ", "1101 ")
    (tmp_path / "log").write_text(f"{SERVER}\n{SERVER.replace(' D K', ' H H')}\n{failed}\n{LINES[0]}\n")
    log = read_measurements([str(tmp_path / "log")])
    one = log.servers["203.0.113.15"]
    assert (one.utc_s[0], one.offset_s[0], one.delay_s[0]) == (1478670050.0, -4.966e-3, 0.2296)
    assert (one.stratum[0], one.root_dispersion_s[0]) == (2, 7.446e-3)
    assert (one.passed.tolist(), one.hardware.tolist()) == ([True, True], [False, True])
    assert not log.servers["2001:db8:1234:5678::123"].passed.any()
    assert log.bad.count == 1
    assert ": line 4: '2009-11-30" in log.bad.first


def test_a_month_of_two_clocks_a_second_is_no_gigabyte():
    """Peak while reading; 340 bytes a line were 1.8 GB."""
    count = 20_000
    lines = (
        refclock_line(1.79e9 + number // 2, ("PPS0", "GPSP")[number % 2], 1e-6) for number in range(count)
    )
    tracemalloc.start()
    try:
        log = parse_refclocks(lines)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {refid: each.utc_s.size for refid, each in log.samples.items()} == {
        "PPS0": count // 2,
        "GPSP": count // 2,
    }
    assert peak < 110 * count
