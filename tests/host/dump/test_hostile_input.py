"""Files that are wrong on purpose: one sentence, bounded memory, and what can be used is used."""

import gzip
import json
import os
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest
import zstandard
from support.captures import START_NS, UTC_NS, utc_of, write_capture
from support.dump import dump
from support.streams import PerfectBoard, identify, status
from tcxo_host.capture.writer import CaptureWriter
from tcxo_host.dump.formats.synthesis import Imported, ImportedChannel, synthesise
from tcxo_protocol.capture_file import CaptureDecoder, CaptureEncoder, EntryKind
from tcxo_protocol.records import Channel, Edges, build_record
from tcxo_protocol.spec import Role

ROOM = 1 << 30
"""What a command may take on top of its libraries; without a bound the inputs here take 2.4 to 93 GB."""


def bounded(*args, room=ROOM):
    """Run tcxo-dump with bounded memory."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (room + (2 << 30), room + (2 << 30)))

    done = subprocess.run(
        [sys.executable, "-m", "tcxo_host.dump.main", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=200,
        preexec_fn=limit,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode >= 0, done.stderr
    return done


def refused(*args, says, status=65):
    done = bounded(*args)
    assert done.returncode == status, done.stderr
    assert says in done.stderr
    return done


def text_file(folder, text):
    path = folder / "x.txt"
    path.write_text(text)
    return path


GOOD = "A,1000\nA,2000\nA,3000\n"


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("channel,ticks,number\n" + f"A,1000,{1 << 63}\n", [], "no edges in it"),
        ("0.5 chA\n4611686018427387903.5 chA\n", [], "more ticks"),
        ("0.5 chA\n1.5 chA\n2.5 chA\n5999999999.5 chA\n", ["--tick-hz", "1000"], "more than a capture holds"),
        ("A,1\nA,2\nA,3\n", ["--tick-hz", "4294967295"], "is the counter's rate right"),
        ("A,1000\nA,5000000\n", ["--tick-hz", "1000"], "is the counter's rate right"),
        ("9" * 5000 + ".5 chA\n", [], "no edges in it"),
        ("A,1000\n" * 3 + "x" * 3_000_000, ["--tick-hz", "1000"], "a line of more than"),
        (f"A,{1 << 61}\nA,{(1 << 61) + 1000}\n", ["--tick-hz", "1000"], "more than a capture holds"),
        ("A,1000\nA,9\n" * 40_000, ["--tick-hz", "1000", "--counter-bits", "48"], "cannot be unwrapped"),
        ("A" * 300 + ",1000\n", ["--tick-hz", "1000"], "say what it is with --map"),
        ("".join(f"c{n},{n}\n" for n in range(70_000)), ["--tick-hz", "1000"], "say what it is with --map"),
    ],
)
def test_texts_of_counters_that_make_no_sense(tmp_path, text, options, says):
    refused("import", text_file(tmp_path, text), *options, "-o", tmp_path / "x", says=says)


@pytest.mark.parametrize(
    "options",
    [
        ["--counter-bits", "4294967295"],
        ["--counter-bits", "0"],
        ["--pwm-hz", "nan"],
        ["--pwm-hz", "1e300"],
        ["--start", "9999-01-01"],
        ["--start", "1900-01-01"],
    ],
)
def test_options_that_no_counter_has(tmp_path, options):
    path = text_file(tmp_path, GOOD)
    refused("import", path, "--tick-hz", "1000", *options, "-o", tmp_path / "x", says="expected", status=64)


def test_a_bad_number_does_not_shift_the_columns_of_the_good_ones(tmp_path):
    big = 1 << 63
    text = f"channel,ticks,number,flags\nA,1000,0,0\nA,1500,{big},0\nA,2000,1,0\nA,2500,2,{big}\nA,3000,2,0\n"
    done = bounded("import", text_file(tmp_path, text), "--tick-hz", 1000, "-o", tmp_path / "x")
    assert "2 of 5 lines not used" in done.stderr
    shown = dump("export", tmp_path / "x", "--format", "csv").stdout.splitlines()
    assert [row for row in shown if row.startswith("gps_pps")] == [
        "gps_pps,1000,0,0", "gps_pps,2000,1,0", "gps_pps,3000,2,0"
    ]  # fmt: skip


def line(**values):
    return json.dumps({"type": "note", "host_ns": 0, "text": "x", **values})


JSONL = {
    "an infinite time": '{"type": "note", "host_ns": 1e999, "text": "x"}',
    "a time of 400 digits": '{"type": "note", "host_ns": ' + "9" * 400 + ', "text": "x"}',
    "a clock of 400 digits": '{"type": "clock", "host_ns": 1, "utc_ns": ' + "9" * 400 + "}",
    "a clock beyond 64 bits": line(type="clock", utc_ns=1 << 63),
    "counts beyond 64 bits": line(type="line", bad_frames=0, lost_frames=0, skipped_bytes=1 << 64, text=None),
    "a number for a text": line(text=5),
    "a note too long": line(text="x" * 5000),
    "edges without edges": line(type="edges", channel=0, flags=0, number=0, ticks=[]),
    "a list": "[1, 2]",
    "a number": "7",
    "nested too deep": "[" * 100_000,
    "an infinite temperature": '{"type": "status", "host_ns": 1, "uptime_s": 1, "tick": 1, "frames_sent": 0,'
    ' "frames_dropped": 0, "mcu_c": 1e999, "external_c": null, "supply_v": null, "channels": []}',
    "an unknown type": line(type="dance"),
    "a list for a type": line(type=[]),
    "an unknown field": line(type="text", colour="red"),
    "half a character": '{"type": "text", "host_ns": 1, "text": "\\ud800"}',
    "a text too long": '{"type": "text", "host_ns": 1, "text": "' + "x" * 70_000 + '"}',
}


@pytest.mark.parametrize("text", JSONL.values(), ids=list(JSONL))
def test_a_line_that_is_none_is_left_out_and_told(tmp_path, text):
    path = tmp_path / "x.jsonl"
    path.write_text(f"{line(text='first')}\n{text}\n{line(text='last', host_ns=5)}\n")
    done = refused("import", path, "-o", tmp_path / "x.tcxocap", says="line 2: not a line of a capture")
    assert len(done.stderr) < 1000
    shown = dump("export", tmp_path / "x.tcxocap", "--format", "jsonl").stdout
    assert [each["text"] for each in map(json.loads, shown.splitlines()) if each["type"] == "note"] == [
        "first",
        "last",
    ]


def test_many_bad_lines_are_told_by_a_few(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(f"{line()}\n" + "{}\n" * 10_000)
    done = refused("import", path, "-o", tmp_path / "x.tcxocap", says="and more such lines")
    assert len(done.stderr.splitlines()) < 8


def capture_of(path, tick_hz, edges, **changes):
    """A capture with one PPS channel, written as a board would have sent it."""
    channels = (Channel(0, Role.GPS_PPS, changes.pop("rate_mhz", 1000), "X1"),)
    writer = CaptureWriter(path, utc_of=utc_of)
    writer.write(START_NS, build_record(identify(tick_hz=tick_hz, channels=channels)))
    for n, ticks in enumerate(edges):
        payload = build_record(Edges(0, 0, n * len(ticks), tuple(ticks))) + build_record(
            status(ticks[-1] + 1)
        )
        writer.write(START_NS + (n + 1) * 1_000_000, payload)
    writer.close()
    return path


FAR_APART = [[1000 * n + 84_000_000_000_000 * (n // 20)] for n in range(60)]


@pytest.mark.parametrize(
    ("tick_hz", "rate_mhz"),
    [(1, 1000), (1000, 1000), (84_000_000, 4_294_967_295), (1, 4_294_967_295), (1000, 1)],
)
def test_arrays_grow_with_the_data_and_not_with_the_time_they_span(tmp_path, tick_hz, rate_mhz):
    path = capture_of(tmp_path / "x.tcxocap", tick_hz, FAR_APART, rate_mhz=rate_mhz)
    for command in (["stats"], ["info"], ["plot", "channels", "-o", tmp_path / "x.svg"]):
        assert bounded(command[0], *command[1:2], path, *command[2:]).returncode in (0, 65)


@pytest.mark.parametrize("kind", ["channels", "phase", "temperature", "adev", "spectrum"])
@pytest.mark.parametrize(("tick_hz", "rate_mhz"), [(1, 1000), (1000, 4_294_967_295), (84_000_000, 1)])
def test_a_plot_of_what_cannot_be_drawn_is_one_sentence(tmp_path, kind, tick_hz, rate_mhz):
    edges = [[84_000_000 * n] for n in range(1, 200)]
    path = capture_of(tmp_path / "x.tcxocap", tick_hz, edges, rate_mhz=rate_mhz)
    assert bounded("plot", kind, path, "-o", tmp_path / "x.svg").returncode in (0, 65)


def test_a_line_of_a_few_bytes_does_not_become_ten_minutes_of_records(monkeypatch):
    monkeypatch.setattr("tcxo_host.dump.formats.synthesis.FILLED_S", 2000, raising=False)
    ticks = np.arange(100) * 599_000
    made = list(synthesise(Imported({"gps_pps": ImportedChannel(ticks, 1.0)}, 1000)))
    assert len(made) < 3000


@pytest.mark.parametrize("kind", [EntryKind.CLOCK, EntryKind.LINE])
@pytest.mark.parametrize("command", ["info", "stats", "show", "replay", "export"])
def test_an_intact_entry_that_is_too_short_is_damage(tmp_path, kind, command):
    path = tmp_path / "x.tcxocap"
    encoder = CaptureEncoder()
    good = encoder.encode(EntryKind.FRAME, START_NS, UTC_NS, build_record(identify()))
    bad = encoder.encode(kind, START_NS + 1, UTC_NS, b"short")
    more = encoder.encode(EntryKind.FRAME, START_NS + 2, UTC_NS, PerfectBoard().payload())
    path.write_bytes(good + bad + more)
    refused(command, path, says="is damaged in 1 place: 15 bytes not used")
    decoder = CaptureDecoder()
    assert [entry.kind for entry in decoder.feed(good + bad + more)] == [1, 2, 2]


def test_a_status_record_cut_after_its_head_is_a_bad_record(tmp_path):
    cut = build_record(status(84_000_000))
    cut = cut[:1] + (len(cut) - 3 - 13).to_bytes(2, "little") + cut[3:-13]
    writer = CaptureWriter(tmp_path / "x.tcxocap", utc_of=utc_of)
    for host_ns, payload in ((START_NS, build_record(identify())), (START_NS + 1, cut)):
        writer.write(host_ns, payload)
    writer.close()
    done = bounded("info", tmp_path / "x.tcxocap", "--json")
    assert json.loads(done.stdout)["bad_records"] == 1


def bomb(suffix, size):
    """A small file that expands to ``size`` zeros."""
    if suffix == ".gz":
        return gzip.compress(bytes(size))
    compressor = zstandard.ZstdCompressor(level=19).compressobj()
    piece = bytes(1 << 24)
    return b"".join(compressor.compress(piece) for _ in range(size >> 24)) + compressor.flush()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_bomb_does_not_go_off(tmp_path, suffix):
    path = tmp_path / f"x.tcxocap{suffix}"
    write_capture(path, seconds=3)
    path.write_bytes(path.read_bytes() + bomb(suffix, 1 << 29) * 5)
    for command in (["info", path], ["stats", "--tracking", path], ["import", path, "-o", tmp_path / "y"]):
        done = bounded(*command, room=200 << 20)
        assert done.returncode == 65
    assert "expand more than 200 times" in bounded("info", path, room=200 << 20).stderr


def flat_zst_blocks(count):
    """zstd's run-length blocks by hand: four bytes for 128 KiB each, tens of thousands times."""
    head = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x58"
    block = struct.pack("<I", (1 << 17) << 3 | 1 << 1)[:3] + b"\0"
    return head + block * count


def test_the_tightest_zstd_stream_is_bounded_too(tmp_path):
    path = tmp_path / "x.tcxocap.zst"
    path.write_bytes(flat_zst_blocks(60_000))
    assert bounded("info", path, room=100 << 20).returncode == 65


def test_a_report_on_data_without_noise(tmp_path):
    write_capture(tmp_path / "x.tcxocap", seconds=400, board=PerfectBoard())
    done = bounded("plot", "report", tmp_path / "x.tcxocap", "-o", tmp_path / "x.html")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.html").stat().st_size > 10_000


def parquet_folder(folder, rows=4, **changes):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "utc_ns": np.arange(rows) * 10**9,
        "channel": ["gps_pps"] * rows,
        "number": np.arange(rows),
        "tick": np.arange(rows) * 1000,
        "flags": np.zeros(rows, np.uint8),
        "rate_hz": np.ones(rows),
        "tick_hz": np.full(rows, 1000),
        "boot_id": np.full(rows, 5),
        **changes,
    }
    target = folder / "edges" / "board=B" / "day=2026-01-01"
    target.mkdir(parents=True)
    pq.write_table(
        pa.table({key: each for key, each in columns.items() if each is not None}), target / "a.parquet"
    )
    return folder


@pytest.mark.parametrize(
    "changes",
    [
        {"tick_hz": np.zeros(4, np.int64)},
        {"tick": None},
        {"tick": [1, None, 2, 3]},
        {"tick": [0.5, 1.5, 2.5, 3.5]},
        {"tick": ["a", "b", "c", "d"]},
        {"tick": [5, 5, 6, 7]},
        {"tick": [-5, 5, 6, 7]},
        {"tick": np.array([1, 2, 3, 1 << 63], np.uint64)},
        {"channel": ["bird"] * 4},
        {"channel": [None] * 4},
        {"flags": np.full(4, 1000)},
        {"rate_hz": np.full(4, np.nan)},
        {"rate_hz": np.full(4, 1e300)},
        {"boot_id": np.full(4, -1)},
        {"utc_ns": np.full(4, -(1 << 63))},
        {"utc_ns": ["x"] * 4},
    ],
    ids=lambda changes: f"{next(iter(changes))}={str(next(iter(changes.values())))[:24]}",
)
def test_foreign_parquet_is_one_sentence(tmp_path, changes):
    parquet_folder(tmp_path / "in", **changes)
    done = bounded("import", tmp_path / "in", "--format", "parquet", "-o", tmp_path / "x")
    assert done.returncode == 65, done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_a_parquet_file_of_endless_equal_rows_is_refused(tmp_path):
    same = np.zeros(3_000_000, np.int64)
    columns = dict.fromkeys(("utc_ns", "number", "tick", "flags", "rate_hz", "tick_hz", "boot_id"), same)
    parquet_folder(tmp_path / "in", channel=np.full(same.size, "gps_pps"), **columns)
    refused("import", tmp_path / "in", "--format", "parquet", "-o", tmp_path / "x", says="rows in")


def test_a_file_that_is_no_parquet_is_one_sentence(tmp_path):
    folder = tmp_path / "in" / "edges"
    folder.mkdir(parents=True)
    (folder / "a.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    refused("import", tmp_path / "in", "--format", "parquet", "-o", tmp_path / "x", says="not what tcxo-dump")


@pytest.mark.parametrize("values", ["nan nan", "inf 1", "1e999 1e999"])
def test_logs_with_numbers_that_are_none(tmp_path, values):
    log = text_file(tmp_path, f"2026-01-01 00:00:00 {values}\n2026-01-01 00:00:01 1.0 2.0\n")
    figures = json.loads(dump("stats", "--tempcomp", log, "--json").stdout)
    assert figures["tempcomp_ppm"]["n"] == 1


def test_an_unreadable_rest_of_a_file_is_a_problem_and_no_traceback(tmp_path):
    done = bounded("info", "/proc/self/mem")
    assert done.returncode == 65
