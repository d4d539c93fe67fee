"""Every format there and back, and what other counters print."""

import dataclasses
import gzip
import json
import math
import re
import subprocess
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.captures import frames, utc_of, write_capture
from support.dump import TCXO_DUMP, dump
from support.streams import TICK_HZ, PerfectBoard
from tcxo_host.capture.columns import load
from tcxo_host.capture.source import Sources
from tcxo_host.capture.writer import CaptureWriter
from tcxo_host.dump.formats.importers import read_text
from tcxo_host.dump.formats.synthesis import nominal_rate_hz
from tcxo_host.errors import DataError, UsageError
from tcxo_protocol.records import Edges, build_record, parse_payload


def edges(path):
    """All edges by session and role, as ``(ticks, lost, flags)``."""
    sources = Sources([str(path)])
    sessions = load(sources.entries()).sessions
    assert sources.problems == []
    return [
        {
            role: (each.ticks.tolist(), each.lost, sorted(each.flags[each.flags > 0].tolist()), each.rate_hz)
            for role, each in session.channels.items()
        }
        for session in sessions
    ]


def capture_with_everything(path):
    """Lost edges, flags, a gap, a midnight; the board's ticks begin far from zero."""
    writer = CaptureWriter(path, utc_of=lambda host_ns: utc_of(host_ns) - 40_000_000_000)
    board = PerfectBoard(tcxo_ppm=1.5, pi_ppm=-7.25, rtc_ppm=3)
    for index, (host_ns, payload) in enumerate(frames(90, board)):
        if index == 20:
            continue
        if index == 30:
            records = parse_payload(payload)
            payload = b"".join(build_record(with_flags(record)) for record in records)
        writer.write(host_ns, payload)
    writer.close()


def with_flags(record):
    return dataclasses.replace(record, flags=3) if isinstance(record, Edges) else record


def there_and_back(form, capture, folder):
    """The capture again, after another file of this form has held it."""
    if form.startswith("capture"):
        back = folder / f"back.tcx{form.removeprefix('capture')}"
        writer = CaptureWriter(back)
        for entry in Sources([str(capture)]).entries():
            writer.entry(entry.kind, entry.host_ns, entry.body)
        writer.close()
        return back
    exported, back = folder / "exported", folder / "back.tcxocap"
    assert dump("export", capture, "--format", form, "-o", exported).returncode == 0
    options = ["--tick-hz", TICK_HZ] if form in ("csv", "timelab") else []
    done = dump("import", exported, "-o", back, *options)
    assert done.returncode == 0, done.stderr
    return back


@pytest.mark.parametrize(
    "form", ["capture", "capture.gz", "capture.zst", "csv", "jsonl", "timelab", "parquet"]
)
def test_every_format_round_trips(tmp_path, form):
    capture = tmp_path / "a.tcxocap"
    capture_with_everything(capture)
    (before,), (after,) = edges(capture), edges(there_and_back(form, capture, tmp_path))
    for role, (ticks, lost, flags, rate_hz) in before.items():
        assert after[role][0] == ticks
        assert after[role][3] == rate_hz
        if form != "timelab":  # which knows no edge numbers and no flags
            assert after[role][1:3] == (lost, flags)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_replay_of_what_came_back_publishes_the_same(tmp_path, form):
    capture, exported, back = tmp_path / "a.tcxocap", tmp_path / "exported", tmp_path / "back.tcxocap"
    write_capture(capture, seconds=80)
    dump("export", capture, "--format", form, "-o", exported)
    assert (
        dump("import", exported, "-o", back, *(["--tick-hz", TICK_HZ] if form == "csv" else [])).returncode
        == 0
    )
    values = [
        [
            line.split(",")[2]
            for line in dump("replay", path, "--estimator", "boxcar64", "--csv", "-").stdout.splitlines()
        ]
        for path in (capture, back)
    ]
    assert values[0][-1] == values[1][-1] != ""


def test_jsonl_loses_nothing(tmp_path):
    capture, exported, back = tmp_path / "a.tcxocap", tmp_path / "a.jsonl", tmp_path / "back.tcxocap"
    capture_with_everything(capture)
    dump("export", capture, "--format", "jsonl", "-o", exported)
    dump("import", exported, "-o", back)
    again = dump("export", back, "--format", "jsonl").stdout
    assert again == exported.read_text()
    kinds = {json.loads(line)["type"] for line in again.splitlines()}
    assert kinds == {"clock", "identify", "edges", "status"}


def test_parquet_is_partitioned_by_board_and_day(tmp_path):
    import pyarrow.dataset as ds

    capture_with_everything(tmp_path / "a.tcxocap")
    dump("export", tmp_path / "a.tcxocap", "--format", "parquet", "-o", tmp_path / "out")
    days = sorted(path.name for path in (tmp_path / "out/edges/board=TEST").iterdir())
    assert days == ["day=2025-12-31", "day=2026-01-01"]
    table = ds.dataset(tmp_path / "out/edges", partitioning="hive").to_table()
    assert table.num_rows == 89 * 52
    assert set(table["board"].unique().to_pylist()) == {"TEST"}
    assert ds.dataset(tmp_path / "out/status", partitioning="hive").count_rows() == 89


def test_parquet_of_a_day_recorded_in_pieces_is_whole_and_never_doubled(tmp_path):
    import pyarrow.dataset as ds

    fed = list(frames(60))
    identity = (fed[30][0], fed[0][1])
    for name, part in (("a", fed[:31]), ("b", [identity, *fed[31:]]), ("grown", fed[:45])):
        writer = CaptureWriter(tmp_path / name, utc_of=utc_of)
        for host_ns, payload in part:
            writer.write(host_ns, payload)
        writer.close()
    folder = tmp_path / "out"
    for name, rows in (("a", 30), ("b", 60), ("a", 60), ("b", 60)):
        dump("export", tmp_path / name, "--format", "parquet", "-o", folder)
        assert ds.dataset(folder / "edges", partitioning="hive").count_rows() == rows * 52
        assert ds.dataset(folder / "status", partitioning="hive").count_rows() == rows
    for name, rows in (("a", 30), ("grown", 44)):
        dump("export", tmp_path / name, "--format", "parquet", "-o", tmp_path / "other")
        assert ds.dataset(tmp_path / "other/edges", partitioning="hive").count_rows() == rows * 52


TICC = "# TAPR TICC\n" + "".join(f"{n}.000000012345 chA\n{n}.25000{n:07d} chB\n" for n in range(1, 100))


@pytest.mark.parametrize("command", [("export",), ("replay", "--csv", "-"), ("info",), ("stats",)])
def test_a_full_disk_behind_stdout_is_one_clear_line(tmp_path, command):
    write_capture(tmp_path / "a.tcxocap")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*TCXO_DUMP, *command, tmp_path / "a.tcxocap"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 73
    assert "Traceback" not in done.stderr
    complaint = "tcxo-dump: the output cannot be written: No space left on device"
    assert done.stderr.splitlines()[-1] == complaint  # replay tells its progress before


@pytest.mark.parametrize("command", [("export", "-o"), ("replay", "--csv")])
def test_a_full_disk_behind_an_output_is_one_clear_line(tmp_path, command):
    write_capture(tmp_path / "a.tcxocap", seconds=200)
    done = dump(*command, "/dev/full", tmp_path / "a.tcxocap")
    assert done.returncode == 73
    assert "tcxo-dump: /dev/full: cannot be written: No space left on device\n" in done.stderr


def test_a_ticc_is_read_with_the_names_given(tmp_path):
    (tmp_path / "ticc.txt").write_text(TICC)
    done = dump("import", tmp_path / "ticc.txt", "--map", "A=gps_pps,B=host_pwm")
    assert done.returncode == 0
    assert "host_pwm: 99 edges, 1 Hz" in done.stderr
    stats = json.loads(dump("stats", tmp_path / "ticc.tcxocap", "--json").stdout)["channels"]
    # channel B comes 1e-12 x 1e5 = 0.1 us a second later: the clock is 0.1 us a second slow
    assert stats["host_pwm"]["avg64"]["mean_ppm"] == pytest.approx(-1e-6, abs=2e-6)
    assert stats["gps_pps"]["avg64"]["mean_ppm"] == pytest.approx(0, abs=1e-9)


def test_import_without_a_start_says_which_date_it_took_and_stats_show_what_the_data_resolve(tmp_path):
    text = tmp_path / "ticc.txt"
    text.write_text("".join(f"{n}.000000{n % 7:02d}1234 chA\n" for n in range(1, 150)))
    done = dump("import", text)
    assert "no --start: the counter is taken to have been zero at 1970-01-01T00:00:00Z" in done.stderr
    shown = dump("stats", tmp_path / "ticc.tcxocap").stdout
    # ticks of 0.25 ns over 64 s are 4e-6 ppm, of one second 2.5e-4 ppm
    assert re.search(r"avg64 +\d+ +[+-]0\.\d{6} ", shown)
    assert re.search(r"raw +\d+ +[+-]0\.\d{4} ", shown)
    (tmp_path / "ticc.tcxocap").unlink()
    assert "no --start" not in dump("import", text, "--start", "2026-01-01").stderr


def channels(text, form="csv", **options):
    found = read_text(text.splitlines(), form, where="x", **options)
    return {role: each.ticks.tolist() for role, each in found.imported.channels.items()}, found


@pytest.mark.parametrize(
    "text",
    [
        "gps_pps,100\ngps_pps,200\nhost_pwm,150\n",
        "0,100\n0,200\n2,150\n",
        "1,100\n1,200\n3,150\n",
        "100,chA\n200,chA\n150,chC\n",
        "ticks,channel\n100,A\n200,A\n150,C\n",
        "Channel;Ticks;extra\nA;100;x\nA;200;y\nC;150;z\n",
        "# made by hand\n\ngps_pps\t100\ngps_pps\t200\nhost_pwm\t150\n",
    ],
)
def test_csv_of_ticks_in_any_order_and_naming(text):
    assert channels(text, tick_hz=1000)[0] == {"gps_pps": [100, 200], "host_pwm": [150]}


@pytest.mark.parametrize("text", ["0.5,A\n1.5,A\n", "A,0.5\nA,1.5\n", "channel,seconds\nA,0.5\nA,1.5\n"])
def test_csv_of_seconds(text):
    assert channels(text)[0] == {"gps_pps": [500_000_000, 1_500_000_000]}
    assert channels(text, tick_hz=84_000_000)[0] == {"gps_pps": [42_000_000, 126_000_000]}


def test_seconds_finer_than_a_nanosecond_get_a_finer_counter():
    found = channels("3.999672500123 chC\n", "timelab")[1]
    assert found.imported.tick_hz == 4_000_000_000
    assert found.imported.channels["host_pwm"].ticks.tolist() == [15_998_690_000]


@given(
    st.lists(st.decimals(0, 999_999_999, places=12), min_size=1, max_size=5, unique=True),
    st.sampled_from([32_768, 48_000_000, 84_000_000, 1_000_000_000, 4_000_000_000]),
)
def test_seconds_become_the_nearest_tick_exactly(times, tick_hz):
    text = "".join(f"{each:.12f} chA\n" for each in sorted(times))
    exact = [math.floor(Fraction(each) * tick_hz + Fraction(1, 2)) for each in sorted(times)]
    assert channels(text, "timelab", tick_hz=tick_hz)[0]["gps_pps"] == sorted(set(exact))


def test_a_number_no_counter_has_is_a_line_not_used():
    found = channels("A,99999999999999999999\nA,5\nA,1.5\n", tick_hz=1000)[1]
    assert found.imported.channels["gps_pps"].ticks.tolist() == [5]
    assert found.bad_lines == [
        "line 1: '99999999999999999999' is not a number that a counter can have",
        "line 3: '1.5' is not a whole number of ticks",
    ]


def test_times_before_zero_are_refused():
    with pytest.raises(DataError, match="before zero"):
        channels("-0.5 chA\n0.5 chA\n", "timelab")


def test_a_compressed_text_is_read(tmp_path):
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"0,1000\r\n0,2000\r\n"))
    assert dump("import", tmp_path / "x.csv.gz", "--tick-hz", 1000, "-o", tmp_path / "x").returncode == 0
    assert edges(tmp_path / "x")[0]["gps_pps"][0] == [1000, 2000]


def test_text_comes_from_stdin_too(tmp_path):
    done = dump("import", "-", "--tick-hz", 1000, "-o", tmp_path / "x", input="0,1000\n0,2000\n")
    assert done.returncode == 0
    assert edges(tmp_path / "x")[0]["gps_pps"][0] == [1000, 2000]


def test_a_counter_that_wraps():
    text = "A,60000\nC,65000\nA,54464\nC,59464\nA,48928\nC,53928\n"
    made = channels(text, tick_hz=60_000, counter_bits=16)[0]
    assert made == {"gps_pps": [60_000, 120_000, 180_000], "host_pwm": [65_000, 125_000, 185_000]}
    with pytest.raises(DataError, match="goes back from 60000 to 54464 ticks: give --counter-bits"):
        channels(text, tick_hz=60_000)


def test_lines_that_are_no_edges_are_counted_and_the_rest_is_used(tmp_path):
    (tmp_path / "x.csv").write_text("0,1000\nlost it\n0,2000\n0,half\n0,3000\n")
    done = dump("import", tmp_path / "x.csv", "--tick-hz", 1000)
    assert done.returncode == 65
    assert (
        "2 of 5 lines not used: line 2: 'lost it' is not an edge; line 4: '0,half' is not an edge"
        in done.stderr
    )
    assert edges(tmp_path / "x.tcxocap")[0]["gps_pps"][0] == [1000, 2000, 3000]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", DataError, "no edges in it"),
        ("0,1000\n", UsageError, "give --tick-hz"),
        ("hello world\n", DataError, "line 1: expected channel,ticks"),
        ("north,5.5\n", DataError, "say what it is with --map north=gps_pps"),
        ("\0\1\2\n", DataError, "line 1: expected"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(text, error, said):
    with pytest.raises(error, match=said):
        channels(text)


@pytest.mark.parametrize("rate", [1, 50, 0.1, 10, 1000])
def test_the_nominal_rate_is_found_in_the_data(rate):
    import numpy as np

    ticks = np.round(np.arange(100) * TICK_HZ / rate * (1 + 20e-6)).astype(np.int64)
    assert nominal_rate_hz(np.delete(ticks, [5, 6, 40]), TICK_HZ) == rate


def test_importing_never_overwrites(tmp_path):
    (tmp_path / "x.csv").write_text("0,1000\n")
    (tmp_path / "x.tcxocap").write_text("precious")
    done = dump("import", tmp_path / "x.csv", "--tick-hz", 1000)
    assert done.returncode == 73
    assert (tmp_path / "x.tcxocap").read_text() == "precious"


def test_a_capture_is_told_apart_from_text(tmp_path):
    write_capture(tmp_path / "a.tcxocap", seconds=2)
    (tmp_path / "a.gz").write_bytes(gzip.compress((tmp_path / "a.tcxocap").read_bytes()))
    for args in (["a.tcxocap"], ["a.tcxocap", "-o", "b"], ["a.gz"]):
        done = dump("import", *args, cwd=tmp_path)
        assert done.returncode == 65
        assert done.stderr == (
            f"tcxo-dump: {args[0]}: is a capture already: give it to info, plot, replay... as it is\n"
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gz", "a.tcxocap"]


PPS_AND_PWM = "".join(f"0,{n * 84_000_000 + 5}\n" for n in range(5)) + "".join(
    f"2,{n * 1_680_000 + 9}\n" for n in range(200)
)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tick-hz", 84_000_000], ""),
        (["--tick-hz", 84_500_000], ""),
        (["--tick-hz", 84_000_000, "--pwm-hz", 50], ""),
        (
            ["--tick-hz", 48_000_000],
            "gps_pps has 0.571 Hz instead of 1, host_pwm has 28.571 Hz instead of 29: is --tick-hz 48000000 right?",
        ),
        (["--tick-hz", 168_000_000], "gps_pps has 2.000 Hz instead of 1: is --tick-hz 168000000 right?"),
        (
            ["--tick-hz", 84_000_000, "--pwm-hz", 100],
            "host_pwm has 50.000 Hz instead of 100: is --tick-hz 84000000 right?",
        ),
    ],
)
def test_a_rate_that_no_such_signal_has_is_warned_of(tmp_path, options, said):
    (tmp_path / "x.csv").write_text(PPS_AND_PWM)
    done = dump("import", "x.csv", *options, cwd=tmp_path)
    assert done.returncode == 0
    warnings = [line for line in done.stderr.splitlines() if "instead of" in line]
    assert warnings == [f"tcxo-dump: x.csv: {said}"] * bool(said)
