"""info, show, stats: the figures of captures whose truth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.captures import START_NS, frames, utc_of, write_capture
from support.dump import dump
from support.streams import CHANNEL_OF, TICK_HZ, PerfectBoard, identify, status
from tcxo_host.capture.columns import load
from tcxo_host.capture.source import Sources
from tcxo_host.capture.writer import CaptureWriter
from tcxo_host.daemon.pipeline import Pipeline
from tcxo_host.dump.analyse.series import clean_edges
from tcxo_host.dump.analyse.stats import capture_info, channel_stats
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.publish.policy import PublishPolicy
from tcxo_protocol.capture_file import Entry, EntryKind
from tcxo_protocol.records import Edges, build_record


def entries_of(fed):
    return [Entry(EntryKind.FRAME, host_ns, payload) for host_ns, payload in fed]


def edges_payload(role, number, *ticks, flags=0):
    return build_record(Edges(CHANNEL_OF[role], flags, number, ticks))


def test_each_clocks_error_comes_out_whatever_the_counters_own():
    stats = channel_stats(load(entries_of(frames(200, PerfectBoard(tcxo_ppm=1.7, pi_ppm=0.3, rtc_ppm=-2)))))
    for role, ppm in (("gps_pps", 1.7), ("host_pwm", 0.3), ("rtc_pps", -2.0)):
        assert stats[role]["avg64"]["mean_ppm"] == pytest.approx(ppm, abs=2e-4)
        assert stats[role]["raw"]["mean_ppm"] == pytest.approx(ppm, abs=2e-3)
        assert stats[role]["against"] == "gps_pps"
    assert stats["host_pwm"]["edges"] == 10_000
    assert stats["host_pwm"]["raw"]["n"] == 9_999
    # 20 ms are 1 680 000 ticks: one tick is 0.6 ppm
    assert stats["host_pwm"]["raw"]["max_ppm"] - stats["host_pwm"]["raw"]["min_ppm"] == pytest.approx(
        0.595, abs=0.01
    )


def test_without_gps_errors_are_against_the_counter_and_say_so():
    board = PerfectBoard(tcxo_ppm=1.0, pi_ppm=0.3)
    fed = [(START_NS, build_record(identify()))]
    fed += [(START_NS + n * 10**9, board.payload(drop=("gps_pps",))) for n in range(1, 130)]
    stats = channel_stats(load(entries_of(fed)))
    assert stats["host_pwm"]["against"] == "counter"
    assert stats["host_pwm"]["avg64"]["mean_ppm"] == pytest.approx(-0.7, abs=1e-3)
    assert stats["gps_pps"]["avg64"] is None


def test_a_capture_shorter_than_a_window_is_against_gps_all_the_same():
    stats = channel_stats(load(entries_of(frames(20, PerfectBoard(tcxo_ppm=1.7, pi_ppm=0.3)))))
    assert stats["host_pwm"]["raw"]["mean_ppm"] == pytest.approx(0.3, abs=2e-3)
    assert stats["host_pwm"]["against"] == "gps_pps"
    assert stats["host_pwm"]["avg64"] is None


def test_without_gps_the_text_says_what_errors_are_against(tmp_path):
    board = PerfectBoard(tcxo_ppm=1.0, pi_ppm=0.3)
    writer = CaptureWriter(tmp_path / "a", utc_of=utc_of)
    writer.write(START_NS, build_record(identify()))
    for n in range(1, 20):
        writer.write(START_NS + n * 10**9, board.payload(drop=("gps_pps",)))
    writer.close()
    text = dump("stats", tmp_path / "a").stdout
    assert "rtc_pps, host_pwm: against the board's own counter, as there is no GPS" in text


PERIOD = 1000


@pytest.mark.parametrize(
    ("change", "missed", "doubled", "outliers", "kept"),
    [
        (lambda t: t, 0, 0, 0, 100),
        (lambda t: np.delete(t, [40, 41, 70]), 3, 0, 0, 97),
        (lambda t: np.sort(np.append(t, 40_200)), 0, 1, 0, 100),
        (lambda t: np.sort(np.append(t, 40_700)), 0, 0, 1, 100),
        (lambda t: t + np.where(np.arange(100) == 40, 30, 0), 1, 0, 1, 99),
        (lambda t: t + np.where(np.arange(100) >= 40, 300, 0), 0, 0, 0, 100),
        (lambda t: t[:1], 0, 0, 0, 1),
        (lambda t: t[:0], 0, 0, 0, 0),
    ],
)
def test_missed_doubled_and_stray_edges_are_told_apart(change, missed, doubled, outliers, kept):
    clean = clean_edges(change(np.arange(100, dtype=np.int64) * PERIOD), float(PERIOD))
    assert (clean.missed, clean.doubled, clean.outliers, clean.ticks.size) == (
        missed,
        doubled,
        outliers,
        kept,
    )
    if kept > 90:
        assert clean.cycles[-1] == 99


def test_a_signal_that_moves_starts_a_new_segment():
    ticks = np.arange(100, dtype=np.int64) * PERIOD
    clean = clean_edges(np.where(ticks >= 40_000, ticks + 300, ticks), float(PERIOD))
    assert clean.segment[39] == 0
    assert clean.segment[-1] == 1


def shuffled(seed):
    """A capture with lost, repeated and late records, flags, and a restart of the board."""
    rng = np.random.default_rng(seed)
    for boot_id in (1, 2):
        fed = list(frames(60, PerfectBoard(pi_ppm=0.3), boot_id=boot_id, start_s=70.0 * boot_id))
        yield fed[0]
        for index, (host_ns, payload) in enumerate(fed[1:]):
            if rng.random() < 0.1:
                continue
            yield host_ns, payload
            if rng.random() < 0.1:
                yield host_ns, payload
            if index == 30:
                yield host_ns, edges_payload("rtc_pps", 31, (index + 1) * TICK_HZ + 5, flags=3)


@pytest.mark.parametrize("seed", range(5))
def test_the_bulk_account_equals_the_daemons(seed):
    fed = list(shuffled(seed))
    pipeline = Pipeline(make_estimator("boxcar64"), PublishPolicy())
    for host_ns, payload in fed:
        pipeline.feed(host_ns, payload)
    pipeline.collector.account.flush()  # a capture also holds what came after its last second
    capture = load(entries_of(fed))
    assert len(capture.sessions) == 2
    for role, ledger in pipeline.collector.ledgers.items():
        channels = [session.channels[role] for session in capture.sessions]
        assert sum(each.ticks.size for each in channels) == ledger.seen
        assert sum(each.lost for each in channels) == ledger.lost
        assert sum(each.duplicates for each in channels) == ledger.duplicates
        assert sum(each.overcaptures for each in channels) == ledger.overcaptures
        assert sum(each.overflows for each in channels) == ledger.overflows
        assert all((np.diff(each.ticks) > 0).all() for each in channels)


def test_each_file_names_the_machine_that_recorded_it(tmp_path):
    writer = CaptureWriter(f"{tmp_path}/", 10, utc_of=utc_of, host="gar\x1bage")
    for host_ns, payload in frames(30):
        writer.write(host_ns, payload)
    writer.close()
    assert len(list(tmp_path.iterdir())) >= 3
    for path in (tmp_path, *tmp_path.iterdir()):
        info = dump("info", path)
        assert "recorded on gar\\x1bage" in info.stdout
        assert info.stdout.count("recorded on") == 1
    assert json.loads(dump("info", tmp_path, "--json").stdout)["hosts"] == ["gar\\x1bage"]


def test_info_says_what_happened(tmp_path):
    path = tmp_path / "a.tcxocap"
    writer = CaptureWriter(path, utc_of=utc_of)
    writer.link_opened(START_NS)
    for host_ns, payload in frames(30):
        writer.write(host_ns, payload)
    for host_ns, payload in frames(30, boot_id=2, start_s=40):
        writer.write(host_ns, payload)
    writer.close()
    done = dump("info", path, "--json")
    info = json.loads(done.stdout)
    assert (info["edges"], info["lost_edges"], info["resets"], info["link_openings"]) == (60 * 52, 0, 1, 1)
    assert [round(gap["seconds"]) for gap in info["gaps"]] == [10]
    assert info["span_s"] == pytest.approx(70.003)
    assert info["boards"][0]["channels"]["host_pwm"]["edges"] == 1500
    text = dump("info", path).stdout
    assert "2026-01-01 00:00:00Z to 2026-01-01 00:01:10Z" in text
    assert "board TEST, firmware 0.1.0, boot 00000002, 84000000 Hz" in text
    assert "nothing from the board for 10.0 s" in text


def test_info_counts_what_the_line_lost(tmp_path):
    from tcxo_protocol.framing import LineCounts

    writer = CaptureWriter(tmp_path / "a", utc_of=utc_of)
    for host_ns, payload in frames(3):
        writer.write(host_ns, payload)
        writer.line(host_ns, LineCounts(0, 2, 5, 100))
    writer.link_opened(START_NS + 10**10)
    writer.line(START_NS + 10**10, LineCounts(0, 1, 0, 7))
    writer.close()
    info = capture_info(load(Sources([str(tmp_path / "a")]).entries()))
    assert (info["bad_frames"], info["lost_frames"]) == (3, 5)


def test_show_prints_timelab_lines(tmp_path):
    path = tmp_path / "a.tcxocap"
    write_capture(path, seconds=4, board=PerfectBoard())
    lines = dump("show", path, "--channel", "gps_pps").stdout.splitlines()
    # truncated to a tick of 11.905 ns, as a counter does
    assert [float(line.split()[0]) for line in lines] == pytest.approx([0.3, 1.3, 2.3, 3.3], abs=12e-9)
    assert lines[0] == "0.300000000000 chA"
    assert dump("show", path, "--channel", "rtc_pps", "--format", "ticks").stdout.splitlines() == [
        f"rtc_pps {n} {int((n + 0.3) * TICK_HZ)}" for n in range(4)
    ]
    assert len(dump("show", path).stdout.splitlines()) == 4 * 52
    records = dump("show", path, "--format", "records").stdout
    assert "identify board=TEST boot=00000001" in records
    assert "status uptime_s=4 tick=336000000" in records


def test_show_refuses_an_unknown_channel(tmp_path):
    done = dump("show", "x", "--channel", "gps")
    assert done.returncode == 64
    assert (
        done.stderr.strip()
        == "tcxo-dump: --channel gps: expected one of gps_pps, rtc_pps, host_pwm, aux, ref_pps"
    )


TRACKING = """\
===============================================================================
   Date (UTC) Time     IP Address   St   Freq ppm   Skew ppm     Offset L Co  Offset sd Rem. corr.
===============================================================================
"""


def tracking(path, offsets_ns, start=0, freq=0.001):
    lines = [
        f"2026-01-01 00:{(start + n) // 60:02d}:{(start + n) % 60:02d} PPS0  1 {freq:10.3f} 0.005"
        f" {ns * 1e-9:10.3e} N 1 0 0 0 0 0\n"
        for n, ns in enumerate(offsets_ns)
    ]
    path.write_text(TRACKING + "\n" + "".join(lines))


def test_the_articles_table_comes_from_chronys_logs(tmp_path):
    tracking(tmp_path / "tracking.log", [*range(-100, 101), *range(-1000, 1001, 10)])
    tempcomp = "".join(
        f"2026-01-01 00:{n // 60:02d}:{n % 60:02d}  {-0.3 - n / 1000:11.4e} {-0.3 - n / 1000:11.4e}\n"
        for n in range(171)
    )
    (tmp_path / "tempcomp.log").write_text(TRACKING + tempcomp + "cut off here\n")
    logs = ("--tracking", tmp_path / "tracking.log", "--tempcomp", tmp_path / "tempcomp.log")
    stats = json.loads(dump("stats", *logs, "--json").stdout)
    assert stats["tempcomp_ppm"] == pytest.approx(
        {"n": 171, "mean": -0.385, "std": 0.0494, "min": -0.47, "max": -0.3}, abs=1e-3
    )
    assert stats["own_correction_ppm"]["mean"] == pytest.approx(-0.001)
    # tempcomp.log ends at second 170 and counts for 30 s more: the offsets in steps of 10 are without
    assert stats["offset_ns"]["with"]["p99"] == pytest.approx(98, abs=0.5)
    assert stats["offset_ns"]["without"]["p99"] == pytest.approx(980, abs=5)
    text = dump("stats", *logs).stdout
    assert "tempcomp" in text
    assert "without compensation" in text


def test_a_log_that_is_none_is_one_clear_line(tmp_path):
    (tmp_path / "x").write_text("hello\n")
    done = dump("stats", "--tracking", tmp_path / "x")
    assert done.returncode == 65
    assert "no line of a chrony tracking.log" in done.stderr


def test_stats_of_a_capture_as_text(tmp_path):
    path = tmp_path / "a.tcxocap"
    write_capture(path, seconds=70)
    text = dump("stats", path).stdout
    assert "Pi     host_pwm  avg64" in text


def test_a_sensor_that_fails_is_not_replaced_by_another():
    """As the daemon has it; see ``EdgeCollector``."""
    readings = [None, 25.5, None, 25.6]
    payloads = [build_record(identify())] + [
        build_record(replace(status((second + 1) * TICK_HZ), mcu_c=45.0, external_c=external_c))
        for second, external_c in enumerate(readings)
    ]
    (session,) = load(entries_of(enumerate(payloads))).sessions
    assert session.status.temperature_c == pytest.approx([45.0, 25.5, float("nan"), 25.6], nan_ok=True)


@pytest.mark.parametrize("by", [1 << 32, 1 << 40])
def test_an_edge_from_the_future_does_not_silence_its_channel(by):
    """A counter that was extended wrongly once; as ``EdgeCollector`` has it."""
    board = PerfectBoard()
    payloads = [build_record(identify())]
    for second in range(4):
        edges = board.edges()
        wrong = {"host_pwm": by} if second == 1 else {}
        payloads.append(
            b"".join(
                edges_payload(role, number, *(int(tick) + wrong.get(role, 0) for tick in ticks))
                for role, (number, ticks) in edges.items()
            )
            + build_record(status(board.tick_now()))
        )
    (session,) = load(entries_of(enumerate(payloads))).sessions
    found = {role: (each.ticks.size, each.lost, each.duplicates) for role, each in session.channels.items()}
    assert found == {"gps_pps": (4, 0, 0), "rtc_pps": (4, 0, 0), "host_pwm": (150, 50, 0)}
