"""``tcxo-flash`` against real mpremote, a real REPL and a real littlefs: MicroPython's unix port on a pty."""

import json
import re
import sys
import time
from importlib.metadata import version

import pytest
from mpremote.transport import TransportExecError
from support.flash_board import FlashBoard
from tcxo_firmware import BOARDS_DIR, DEVICE_DIR, DEVICE_FILES
from tcxo_host.errors import LinkError
from tcxo_host.flash import files as flash_files
from tcxo_host.flash import main as flash
from tcxo_host.flash import session as flash_session
from tcxo_tools import firmware_crc


def run(capsys, board, *options):
    status = flash.main(["--port", board.path, *options])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def session_of(board):
    """A session, once the board's restart has let go of the port: that forks this process, with its lock on it."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return flash_session.Session(board.path)
        except LinkError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture(autouse=True)
def native(monkeypatch):
    """The simulated board is no Cortex-M4."""
    monkeypatch.setattr(flash_files.files_for, "__defaults__", (False, "x64"))


def test_first_install_copies_all_second_none_and_a_changed_file_alone(tmp_path, capsys, monkeypatch):
    with FlashBoard(tmp_path) as board:
        status, out, err = run(capsys, board)
        assert status == 0, err
        assert f"copied {len(DEVICE_FILES) + 1} of {len(DEVICE_FILES) + 1} files for SIM" in out
        assert "running: SIM, firmware 0.1.0, 84 MHz ticks, boot 04030201, pins 1 on X1" in out
        assert out.index("tcxo/wire.py:") < out.index("main.py:"), "main.py goes last"

        status, out, err = run(capsys, board)
        assert status == 0, err
        assert "are there already" in out
        assert "copied" not in out
        assert "running: SIM" in out

        status, out, err = run(capsys, board, "--check", "--json")
        told = json.loads(out)
        assert (status, told["same"], told["differed"], told["port"]) == (0, True, [], board.path)
        assert (told["running"]["boot_id"], told["checked_only"]) == ("04030201", True)
        assert "up to date" in err
        real_files = flash_files.files_for

        def with_a_change(*arguments, **options):
            return [
                flash_files.BoardFile(f.path, f.data + b"\n# new\n") if f.path == "tcxo/ring.py" else f
                for f in real_files(*arguments, **options)
            ]

        monkeypatch.setattr(flash_files, "files_for", with_a_change)
        status, out, err = run(capsys, board, "--check")
        assert (status, "differs: tcxo/ring.py" in out) == (1, True)
        status, out, err = run(capsys, board)
        assert status == 0, err
        assert "copied 1 of" in out
        assert "tcxo/wire.py" not in out


def test_compiled_modules_replace_source_and_run(tmp_path, capsys):
    with FlashBoard(tmp_path) as board:
        assert run(capsys, board)[0] == 0
        status, out, err = run(capsys, board, "--mpy")
        assert status == 0, err
        assert "tcxo/isr.mpy" in out
        assert "running: SIM" in out
        with session_of(board) as session:
            names = session._transport.eval("__import__('os').listdir('tcxo')")
        assert all(name.endswith(".mpy") for name in names), names


def frozen_copy(directory, **changed):
    """The folders of a MicroPython with the application and the simulated board frozen in, some files changed."""
    for name in DEVICE_FILES:
        path = directory / "frozen" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((DEVICE_DIR / name).read_bytes())
    for name, change in changed.items():
        path = directory / "frozen" / "tcxo" / f"{name}.py"
        path.write_text(change(path.read_text()))
    return [directory / "frozen", BOARDS_DIR / "SIM"]


def test_check_says_that_the_application_is_frozen_in_and_whether_it_is_this_one(tmp_path, capsys):
    with FlashBoard(tmp_path, frozen=frozen_copy(tmp_path)) as board:
        status, out, err = run(capsys, board, "--check")
        told = "frozen into the board's MicroPython: firmware 0.1.0 for SIM, made of the same source as these files\n"
        assert (status, err) == (0, "")
        assert out.endswith(told)
        assert "differ" not in out


def test_check_tells_other_frozen_source_and_files_that_stand_over_it(tmp_path, capsys):
    def older(text):
        return re.sub("SOURCE_CRC32 = .*", "SOURCE_CRC32 = 0x89ABCDEF", text).replace('"0.1.0"', '"0.0.9"')

    with FlashBoard(tmp_path, frozen=frozen_copy(tmp_path, __init__=older)) as board:
        status, out, _ = run(capsys, board, "--check")
        assert status == 1
        ours = f"{firmware_crc.source_crc32():08x}"
        assert f"firmware 0.0.9 for SIM, made of other source (89abcdef) than these files ({ours})" in out
        # A file on the file system is used instead of a frozen one.
        assert run(capsys, board)[0] == 0
        status, out, _ = run(capsys, board, "--check")
        assert (status, out.splitlines()[-1]) == (0, "up to date")


def test_check_tells_frozen_source_that_does_not_say_what_it_is(tmp_path, capsys):
    frozen = frozen_copy(
        tmp_path,
        wire=lambda text: text.replace("PROTOCOL_MINOR = 2", "PROTOCOL_MINOR = 0"),
        reports=lambda text: text.replace('builder.put("<I", SOURCE_CRC32)', "pass"),
    )
    with FlashBoard(tmp_path, frozen=frozen) as board:
        status, out, _ = run(capsys, board, "--check")
        assert status == 1
        assert "firmware 0.1.0 for SIM, which does not tell its source (protocol 1.0)" in out


def test_check_of_a_board_without_the_application_lists_its_files(tmp_path, capsys):
    with FlashBoard(tmp_path) as board:
        status, out, _ = run(capsys, board, "--check")
        assert (status, out.splitlines()[-1]) == (1, f"{len(DEVICE_FILES) + 1} files differ")


def test_an_interrupted_copy_leaves_nothing_that_starts_and_the_next_run_completes_it(tmp_path, capsys):
    with FlashBoard(tmp_path) as board:
        assert run(capsys, board)[0] == 0
    (tmp_path / "port").unlink(missing_ok=True)
    files = flash_files.files_for("SIM")
    changed = [flash_files.BoardFile(f.path, f.data + b"\n") for f in files]
    with FlashBoard(tmp_path) as board:

        def give_up(path, done, size):
            if path == "tcxo/isr.py":
                raise KeyboardInterrupt

        with session_of(board) as session:
            plan = session.plan(changed)
            assert len(plan.write) == len(files)
            with pytest.raises(KeyboardInterrupt):
                session.carry_out(plan, changed[-1], give_up)
        with session_of(board) as session:
            assert not session._transport.fs_exists("main.py")
            session.reset()
        status, out, err = run(capsys, board)
        assert status == 0, err
        assert "running: SIM" in out


def test_a_full_file_system_is_told_before_anything_is_touched(tmp_path, capsys):
    with FlashBoard(tmp_path, blocks=10) as board:
        status, _, err = run(capsys, board)
        assert status == 73
        assert "the board's file system has" in err
        assert err.count("\n") == 1
        with session_of(board) as session:
            assert not session._transport.fs_exists("tcxo")


def test_the_board_to_flash_is_mounted_as_the_stm32_port_mounts_it(tmp_path):
    """ports/stm32/main.c and extmod/vfs.c: everything is in /flash, and nothing is mounted at "/"."""
    with FlashBoard(tmp_path) as board, flash_session.Session(board.path) as session:
        ask = session._transport.eval
        session._transport.exec("import os, sys")
        assert (ask("os.getcwd()"), ask("os.listdir('/')")) == ("/flash", ["flash"])
        assert ask("sys.path") == ["", ".frozen", "/flash", "/flash/lib"]
        assert ask("os.statvfs('/')")[:9] == (0,) * 9
        assert ask("os.statvfs('.')") == ask("os.statvfs('/flash')")
        assert ask("os.statvfs('.')")[2] == 64
        for way in ("open('/x', 'w')", "os.mkdir('/tcxo')"):
            with pytest.raises(TransportExecError, match="OSError: .*19|ENODEV"):
                ask(way)


@pytest.mark.parametrize(
    ("mount_point", "told"),
    [
        ("/sd", "the board started from the SD card in its slot, not from its flash: take the card out"),
        ("/", "the board works in /, not in its flash (/flash): restart it"),
    ],
)
@pytest.mark.parametrize("option", [[], ["--check"]])
def test_a_board_that_starts_from_elsewhere_is_told_and_left_alone(
    tmp_path, capsys, mount_point, told, option
):
    with FlashBoard(tmp_path, mount_point=mount_point) as board:
        status, _, err = run(capsys, board, *option)
        assert status == 65
        assert told in err
        assert err.count("\n") == 1
        with session_of(board) as session:
            assert not session._transport.fs_exists("tcxo")


def test_a_board_that_is_refused_goes_on_running(tmp_path, capsys):
    with FlashBoard(tmp_path) as board:
        assert run(capsys, board)[0] == 0
        assert run(capsys, board, "--board", "PYBV11")[0] == 65
        assert flash_session.wait_for_identify(board.path).board == "SIM"


def test_the_wrong_board_and_an_unknown_one_are_named(tmp_path, capsys):
    with FlashBoard(tmp_path, machine="PYBv1.1 with STM32F405RG") as board:
        status, _, err = run(capsys, board, "--board", "WEACT_F411_BLACKPILL")
        assert status == 65
        assert "not a WEACT_F411_BLACKPILL: its MicroPython says 'PYBv1.1 with STM32F405RG'" in err
    (tmp_path / "port").unlink(missing_ok=True)
    with FlashBoard(tmp_path, machine="Arduino with X") as board:
        status, _, err = run(capsys, board)
        assert status == 65
        known = ", ".join(flash_files.real_boards())
        assert f"calls itself 'Arduino with X', which is none of {known}:" in err
        status, _, err = run(capsys, board, "--board", "NOPE")
        assert status == 64
        assert err == f"tcxo-flash: no board 'NOPE': known are {known}\n"


def test_a_variant_is_never_taken_by_itself_and_is_told_of(tmp_path, capsys):
    machine = "PYBv1.1 with STM32F405RG"
    assert flash_files.board_for_machine(machine) == "PYBV11"
    with FlashBoard(tmp_path, machine=machine) as board:
        status, out, err = run(capsys, board, "--check")
        assert (status, err) == (1, "")
        assert "taken for PYBV11; with a clock from outside say --board PYBV11_10MHZ" in out
        status, out, _ = run(capsys, board, "--check", "--board", "PYBV11_10MHZ")
        assert (status, "differs: board_config.py" in out, "taken for" in out) == (1, True, False)


def test_a_board_that_sends_elsewhere_is_not_waited_for_on_its_prompt(tmp_path, capsys):
    with FlashBoard(tmp_path, machine="NUCLEO-F446RE with STM32F446xx") as board:
        status, out, err = run(capsys, board)
        assert (status, err) == (0, "")
        told = "running, but not on this port: NUCLEO_F446RE sends on UART 6 at 115200 baud, or over I2C"
        assert out.splitlines()[-1] == told


def test_wrong_usage_has_its_own_exit_status(capsys):
    with pytest.raises(SystemExit) as exit_info:
        flash.main(["--frobnicate"])
    assert exit_info.value.code == 64
    assert capsys.readouterr().err.splitlines()[-1] == "tcxo-flash: unrecognized arguments: --frobnicate"


def test_it_tells_its_version(capsys):
    with pytest.raises(SystemExit) as exit_info:
        flash.main(["--version"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out == f"tcxo-flash {version('tcxo-host')}\n"


def test_without_mpremote_the_way_to_install_it_is_told(capsys, monkeypatch):
    monkeypatch.delattr("tcxo_host.flash.session")
    monkeypatch.delitem(sys.modules, "tcxo_host.flash.session")
    monkeypatch.setitem(sys.modules, "mpremote.transport_serial", None)
    assert flash.main([]) == 69
    assert capsys.readouterr().err.endswith(f"run: {sys.executable} -m pip install '.[flash]'\n")


def test_no_port_a_busy_port_and_something_else_on_the_port(tmp_path, capsys):
    assert flash.main(["--port", str(tmp_path / "none")]) == 69
    assert "is the board plugged in?" in capsys.readouterr().err
    import serial

    with FlashBoard(tmp_path) as board, serial.Serial(board.path, exclusive=True):
        status, _, err = run(capsys, board)
        assert status == 69
        assert "in use by another program" in err
    import os

    master, slave = os.openpty()
    try:
        assert flash.main(["--port", os.ttyname(slave)]) == 65
        assert "does not answer like MicroPython" in capsys.readouterr().err
    finally:
        os.close(master)
        os.close(slave)
