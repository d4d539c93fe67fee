"""Whatever lies at a path that a user names: no waiting, one sentence, the rest goes on."""

import os
import resource
import socket
import stat
import subprocess
import sys

import pytest
from tcxo_host.files import open_file, read_file, replace_file
from tcxo_host.publish.tempcomp_file import TempcompFile

TCXO_HOST = [sys.executable, "-m", "tcxo_host"]


def fifo(path):
    os.mkfifo(path)


def folder(path):
    (path / "inside").mkdir(parents=True)


def link_to_elsewhere(path):
    path.symlink_to(path.with_name("elsewhere"))


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("leave", [fifo, folder, link_to_elsewhere, a_socket])
def test_what_was_left_at_the_temporary_name_stops_no_publishing(tmp_path, leave):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not ours")
    leave(tmp_path / ".tcxo.new")
    output = TempcompFile(str(tmp_path / "tcxo"))
    output.write(-1.5)
    output.write(-2.5)
    output.close()
    assert (tmp_path / "tcxo").read_text() == "-2.500000\n"
    assert stat.S_IMODE((tmp_path / "tcxo").lstat().st_mode) == 0o644
    assert elsewhere.read_text() == "not ours"
    assert [name for name in os.listdir(tmp_path) if name.endswith(f"{os.getpid()}.new")] == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [fifo, folder, a_socket])
def test_only_files_are_opened_and_nothing_is_waited_for(tmp_path, make):
    make(tmp_path / "x")
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_APPEND, os.O_RDWR | os.O_CREAT):
        with pytest.raises(OSError, match="is a .*, expected a file|Is a directory"):
            os.close(open_file(tmp_path / "x", flags, devices=True))


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "x"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(OSError, match="more than 1048576 bytes"):
        read_file(path)


def test_a_device_is_a_place_to_write_only_where_allowed():
    os.close(open_file("/dev/null", os.O_WRONLY, devices=True))
    with pytest.raises(OSError, match="is a character device, expected a file"):
        open_file("/dev/null", os.O_WRONLY)


def test_a_full_table_of_descriptors_leaves_nothing_behind(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            replace_file(tmp_path / "x", b"1")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("make", [fifo, folder, a_socket])
@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["run", "--output", "PLACE/tcxo", "--trace", "X"], 73),
        (["run", "--output", "PLACE/tcxo", "--config", "X"], 78),
        (["status", "--file", "X"], 69),
    ],
)
def test_a_command_says_so_in_one_sentence(tmp_path, make, options, status):
    make(tmp_path / "x")
    args = [each.replace("PLACE", str(tmp_path)).replace("X", str(tmp_path / "x")) for each in options]
    done = subprocess.run([*TCXO_HOST, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    (line,) = (each for each in done.stderr.splitlines() if each.startswith("tcxo-host: "))
    assert str(tmp_path / "x") in line
    assert "expected a file" in line or "Is a directory" in line


def test_a_fifo_at_the_locks_name_is_told(tmp_path):
    os.mkfifo(tmp_path / ".tcxo.lock")
    done = subprocess.run(
        [*TCXO_HOST, "run", "--output", str(tmp_path / "tcxo")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 73
    assert "is a FIFO, expected a file" in done.stderr
