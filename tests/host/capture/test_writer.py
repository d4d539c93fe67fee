"""Recording: every frame comes back, from plain and compressed files, rotated or cut off."""

import os
import subprocess
import sys

import pytest
from support.captures import START_NS, frames, utc_of, write_capture
from tcxo_host.capture.source import Sources
from tcxo_host.capture.writer import CaptureWriter
from tcxo_host.errors import DataError, OutputError
from tcxo_protocol.capture_file import EntryKind

SUFFIXES = ["", ".gz", ".zst"]


def read(*paths):
    sources = Sources([str(path) for path in paths])
    found = [(e.host_ns, e.body) for e in sources.entries() if e.kind == EntryKind.FRAME]
    return found, sources.problems


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_written_is_read(tmp_path, suffix):
    path = tmp_path / f"a.tcxocap{suffix}"
    write_capture(path)
    assert read(path) == (list(frames(20)), [])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_recorder_that_is_killed_leaves_all_but_the_last_ten_seconds(tmp_path, suffix):
    path = tmp_path / f"a.tcxocap{suffix}"
    writer = CaptureWriter(path, utc_of=utc_of)
    wanted = list(frames(60))
    for host_ns, payload in wanted:
        writer.write(host_ns, payload)
    found, _ = read(path)  # never flushed, never closed
    assert found == wanted[: len(found)]
    assert len(found) >= (len(wanted) if not suffix else len(wanted) - 11)
    writer.flush()
    assert read(path)[0] == wanted


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_capture_cut_at_any_byte_reads_up_to_there(tmp_path, suffix):
    whole, cut = tmp_path / f"a.tcxocap{suffix}", tmp_path / "cut"
    write_capture(whole, seconds=3)
    data, wanted = whole.read_bytes(), list(frames(3))
    for size in range(1, len(data)):
        cut.write_bytes(data[:size])
        try:
            found, problems = read(cut)
        except DataError:
            found, problems = [], ["nothing to be read"]
        assert found == wanted[: len(found)], size
        assert problems or found == wanted or not suffix, size
    assert read(whole)[0] == wanted


def test_rotation_starts_a_file_at_each_utc_multiple_and_names_it(tmp_path):
    writer = write_capture(f"{tmp_path}/", seconds=25, rotate_s=10)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "tcxo-20251231T235959Z.tcxocap",
        "tcxo-20260101T000000Z.tcxocap",
        "tcxo-20260101T000010Z.tcxocap",
        "tcxo-20260101T000020Z.tcxocap",
    ]
    assert writer.path == tmp_path / names[-1]
    paths = [tmp_path / name for name in names]
    assert read(*paths) == (list(frames(25)), [])
    # alone, a file begins with a copy of the board's identity
    alone, _ = read(paths[-1])
    assert alone[0][1] == next(frames(1))[1]


def test_the_oldest_files_go_when_only_some_are_kept(tmp_path):
    writer = CaptureWriter(tmp_path, 10, keep=2, utc_of=utc_of)
    for host_ns, payload in frames(45):
        writer.write(host_ns, payload)
    writer.close()
    assert len(list(tmp_path.iterdir())) == 2
    assert writer.path.exists()


def kept_through(folder, clock_s, keep):
    """Captures left after a recorder with files of a minute saw UTC go through ``clock_s``, a minute each."""
    folder.mkdir(exist_ok=True)
    clock = iter(clock_s)
    writer = CaptureWriter(f"{folder}/", 60, keep=keep, utc_of=lambda host_ns: next(clock) * 1_000_000_000)
    for minute in range(len(clock_s)):
        writer.write(START_NS + minute * 60_000_000_000, b"")
    writer.close()
    return sorted(path.name[5:18] for path in folder.iterdir())


NOW_S, IN_2040_S = 1_767_225_600, 2_208_988_800


def test_a_clock_once_in_2040_costs_no_good_capture(tmp_path):
    good = [NOW_S + 60 * n for n in range(4)]
    kept = kept_through(tmp_path / "a", [*good, IN_2040_S, NOW_S + 300], keep=4)
    assert kept == [
        "20260101T0000",
        "20260101T0001",
        "20260101T0002",
        "20260101T0003",
        "20260101T0005",
        "20400101T0000",
    ]
    kept = kept_through(tmp_path / "a", [NOW_S + 360 + 60 * n for n in range(3)], keep=4)
    assert kept == ["20260101T0005", "20260101T0006", "20260101T0007", "20260101T0008", "20400101T0000"]


def test_a_clock_that_starts_in_1970_costs_no_good_capture(tmp_path):
    good = [NOW_S + 60 * n for n in range(3)]
    kept_through(tmp_path / "a", good, keep=3)
    for _ in range(3):
        kept = kept_through(tmp_path / "a", [0, 60, 120], keep=3)
        assert [name for name in kept if name > "2"] == ["20260101T0000", "20260101T0001", "20260101T0002"]
    assert kept_through(tmp_path / "a", [NOW_S + 180], keep=3) == [
        "20260101T0001",
        "20260101T0002",
        "20260101T0003",
    ]


@pytest.mark.parametrize("where", ["x", "folder/"])
def test_a_fifo_is_no_place_to_record(tmp_path, where):
    (tmp_path / "folder").mkdir()
    target = tmp_path / where if where == "x" else f"{tmp_path}/folder/"
    place = tmp_path / "x" if where == "x" else tmp_path / "folder/tcxo-19700101T000000Z.tcxocap"
    os.mkfifo(place)
    with pytest.raises(OutputError, match="is a FIFO, expected a file"):
        CaptureWriter(target, utc_of=lambda host_ns: 0).write(START_NS, b"")


def test_recording_again_appends(tmp_path):
    path = tmp_path / "a.tcxocap"
    write_capture(path, seconds=5)
    write_capture(path, seconds=5, start_s=100)
    assert read(path) == ([*frames(5), *frames(5, start_s=100)], [])


def test_it_appends_to_no_other_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, the clock is late")
    with pytest.raises(OutputError, match="is not a capture"):
        write_capture(path)
    assert path.read_text() == "dear diary, the clock is late"


def test_a_full_disk_is_one_clear_error():
    with pytest.raises(OutputError, match="/dev/full: cannot record: No space left"):
        write_capture("/dev/full")


def test_a_full_disk_leaves_whole_entries(tmp_path):
    """RLIMIT_FSIZE stops a file in mid-entry just as a full disk does."""
    path = tmp_path / "a.tcxocap"
    code = f"""
import resource, signal, sys
sys.path[:0] = {sys.path!r}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
from support.captures import write_capture
write_capture({str(path)!r}, seconds=60)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "OutputError" in done.stderr
    found, problems = read(path)
    assert problems == []
    assert found == list(frames(60))[: len(found)]
    assert len(found) >= 8


def test_several_files_read_as_one_even_when_one_is_foreign(tmp_path):
    good, foreign = tmp_path / "a.tcxocap", tmp_path / "b.csv"
    write_capture(good, seconds=3)
    foreign.write_text("0,12345\n" * 9)
    found, problems = read(foreign, good)
    assert found == list(frames(3))
    assert problems == [f"{foreign}: is not a capture but text: tcxo-dump import reads what counters print"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"hello\n", "not a capture but text"), (os.urandom(50), "not a capture of this")],
)
def test_nothing_readable_is_an_error(tmp_path, content, said):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(path)


def test_the_identity_is_used_again_after_a_gap_between_files(tmp_path):
    writer = write_capture(f"{tmp_path}/", seconds=45, rotate_s=10)
    paths = sorted(tmp_path.iterdir())
    assert writer.entries == 47
    found, _ = read(paths[0], paths[1], paths[-1])
    identity = next(frames(1))[1]
    assert [payload for _, payload in found].count(identity) == 2
    assert found[-1][0] == START_NS + 45_003_000_000


def test_beside_the_daemon_a_full_disk_is_a_problem_that_is_tried_again_later():
    from tcxo_host.capture.recorder import RETRY_NS, Recorder
    from tcxo_protocol.framing import LineCounts

    recorder = Recorder(CaptureWriter("/dev/full", utc_of=utc_of))
    for host_ns, payload in frames(round(3 * RETRY_NS / 1e9)):
        recorder.write(host_ns, payload, LineCounts())
        assert recorder.problem.startswith("/dev/full: cannot record: No space left on device")
    recorder.close()


def test_a_clock_that_is_behind_costs_not_the_file_being_written(tmp_path):
    for day in ("20270101", "20270102"):
        (tmp_path / f"tcxo-{day}T000000Z.tcxocap").write_bytes(b"")
    writer = CaptureWriter(tmp_path, keep=1, utc_of=utc_of)
    for host_ns, payload in frames(20):
        writer.write(host_ns, payload)
    writer.close()
    assert read(writer.path) == (list(frames(20)), [])
