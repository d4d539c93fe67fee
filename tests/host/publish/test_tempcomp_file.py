"""The file is always whole, readable by chrony, and has one owner."""

import contextlib
import os
import resource
import signal
import stat
import threading

import pytest
from tcxo_host.errors import OutputError
from tcxo_host.files import replace_file
from tcxo_host.publish.tempcomp_file import TempcompFile


def test_one_line_with_six_decimals_readable_by_all(tmp_path):
    previous = os.umask(0o077)
    try:
        output = TempcompFile(str(tmp_path / "tcxo"))
        output.write(-3.25)
        output.close()
    finally:
        os.umask(previous)
    assert (tmp_path / "tcxo").read_text() == "-3.250000\n"
    assert stat.S_IMODE((tmp_path / "tcxo").stat().st_mode) == 0o644


def test_a_link_is_followed_not_replaced(tmp_path):
    real = tmp_path / "own"
    real.mkdir()
    (tmp_path / "tcxo").symlink_to(real / "tcxo")
    output = TempcompFile(str(tmp_path / "tcxo"))
    output.write(1)
    assert (tmp_path / "tcxo").is_symlink()
    assert (real / "tcxo").read_text() == "1.000000\n"


def test_opening_and_closing_leave_the_last_value(tmp_path):
    path = tmp_path / "tcxo"
    path.write_text("-0.300000\n")
    TempcompFile(str(path)).close()
    assert path.read_text() == "-0.300000\n"


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path):
    first = TempcompFile(str(tmp_path / "tcxo"))
    with pytest.raises(OutputError, match=f"process {os.getpid()}"):
        TempcompFile(str(tmp_path / "tcxo"))
    first.close()
    TempcompFile(str(tmp_path / "tcxo")).close()


@pytest.mark.parametrize("where", ["no/such/folder/tcxo", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, where):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=str(tmp_path / where)):
        TempcompFile(str(tmp_path / where))


def test_a_reader_never_sees_a_part(tmp_path):
    path = tmp_path / "tcxo"
    output = TempcompFile(str(path))
    output.write(0)
    done = threading.Event()
    seen = set()

    def read():
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    values = [n / 1000 for n in range(3000)]
    for value in values:
        output.write(value)
    done.set()
    reader.join()
    assert seen <= {f"{value:.6f}\n" for value in values}


@contextlib.contextmanager
def room_for(size):
    """No file takes more bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_at_start_is_no_reason_to_end(tmp_path):
    with room_for(0):
        output = TempcompFile(str(tmp_path / "tcxo"))
        with pytest.raises(OutputError, match="File too large"):
            output.write(1.0)
    output.write(2.0)
    with pytest.raises(OutputError, match="another tcxo-host"):
        TempcompFile(str(tmp_path / "tcxo"))


def test_a_part_that_had_room_is_never_renamed_over_the_whole(tmp_path):
    """A full disk takes what fits and says so by the count only; here a limit on files' size does it."""
    path = tmp_path / "tcxo"
    replace_file(path, b"-3.250000\n")
    with room_for(4), pytest.raises(OSError, match="File too large"):
        replace_file(path, b"-4.750000\n")
    assert path.read_text() == "-3.250000\n"
    assert os.listdir(tmp_path) == ["tcxo"]
