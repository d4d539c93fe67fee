"""What firmware/README.md tells to type does what it says: its commands, run against a board to flash."""

import re
import shlex
import subprocess
import sys

import pytest
import serial
from support.flash_board import FlashBoard
from tcxo_firmware import BOARDS_DIR, DEVICE_DIR
from tcxo_host.flash import files as flash_files
from tcxo_host.flash import main as flash
from tcxo_host.flash.files import real_boards
from tcxo_protocol.framing import FrameDecoder
from tcxo_protocol.records import Identify, Text, parse_payload

ROOT = DEVICE_DIR.parents[2]
README = ROOT / "firmware" / "README.md"
PYBOARD = "PYBv1.1 with STM32F405RG"


def commands(first_word):
    """Blocks of shell commands in the README of which the first begins with ``first_word``."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf8"), re.DOTALL)
    found = [block.strip().splitlines() for block in blocks if block.startswith(first_word)]
    assert found, first_word
    return found


def run(board, line):
    """The command as typed, but for the port that mpremote would find on USB; its output."""
    words = shlex.split(line)
    if words[0] == "mpremote":
        words = [sys.executable, "-m", "mpremote", "connect", board.path, *words[1:]]
    else:
        assert words[0] == "tcxo-dump"
        words = [sys.executable, "-m", "tcxo_host.dump.main", *words[1:]]
    words = [word.replace("/dev/ttyACM0", board.path) for word in words]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    return done.stdout


def records_of(board, wanted):
    """Records from the board until one satisfies ``wanted``."""
    decoder, records = FrameDecoder(), []
    with serial.Serial(board.path, timeout=0.2) as line:
        for _ in range(100):
            line.write(b"id\n")
            for frame in decoder.feed(line.read(4096)):
                records += parse_payload(frame.payload)
            if any(map(wanted, records)):
                return records
    raise AssertionError(records[-3:])


def test_the_top_readme_shows_no_other_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf8").splitlines()
    shown = [line for line in lines if line.startswith("mpremote ")]
    assert len(shown) == 6
    assert set(shown) <= {line for block in commands("mpremote") for line in block}


def is_identify(record):
    return isinstance(record, Identify)


@pytest.fixture
def board(tmp_path):
    with FlashBoard(tmp_path, machine=PYBOARD) as board:
        yield board


@pytest.mark.parametrize("lines", [b for b in commands("mpremote") if len(b) == 3], ids=["mip", "cp"])
def test_mpremote_alone_installs_the_same_files(board, lines):
    for line in lines:
        run(board, line)
    identify = next(filter(is_identify, records_of(board, is_identify)))
    assert identify.board == "PYBV11"
    assert flash.main(["--port", board.path, "--check"]) == 0, "tcxo-flash finds nothing to do"
    # A board that runs the firmware takes the same commands again.
    for line in lines:
        run(board, line)
    records_of(board, is_identify)


def test_tcxo_flash_and_the_prompt(board, capsys, monkeypatch):
    monkeypatch.setattr(flash_files.files_for, "__defaults__", (False, "x64"))  # no Cortex-M4 here
    for line in commands("tcxo-flash")[0]:
        status = flash.main(["--port", board.path, *shlex.split(line)[1:]])
        # --mpy left compiled modules: source differs.
        assert status == (1 if "--check" in line else 0), capsys.readouterr()
    out = capsys.readouterr().out
    assert "running: PYBV11, firmware 0.1.0, 84 MHz ticks" in out
    [[show]] = commands("tcxo-dump")
    run(board, show)
    [[ask]] = [block for block in commands("mpremote") if len(block) == 1]
    assert run(board, ask).strip() == "0.1.0"


def test_the_self_test_as_it_is_told(tmp_path, capsys, monkeypatch):
    with FlashBoard(
        tmp_path, frozen=[DEVICE_DIR, BOARDS_DIR / "SIM"], is_running=True, wire=(1, 2, 3)
    ) as board:
        for line in commands("tcxo-flash")[1]:
            if "--i2c" not in line:
                status = flash.main(["--port", board.path, *shlex.split(line)[1:]])
                assert status == 0, (line, capsys.readouterr())


def test_the_places_of_the_wire_are_the_boards():
    told = README.read_text(encoding="utf8")
    for name in real_boards():
        data = flash_files.board_data(name)
        gps, rtc, pwm = (channel["pin"] for channel in data["channels"][:3])
        if data["selftest"]:
            assert f"| `{name}` | {data['selftest']['pin']} | {pwm} | {gps} | {rtc} |" in told


def test_repl_leaves_the_stream_for_the_prompt_after_a_whole_frame(board):
    assert flash.main(["--port", board.path]) == 0
    with serial.Serial(board.path, timeout=0.2) as line:
        line.write(b"id\nrepl\n")
        seen = b""
        while b">>> " not in seen:
            seen += line.read(256)
    decoder = FrameDecoder()
    stream, prompt, _ = seen.rpartition(b"\0")
    decoder.feed(stream + prompt)
    assert decoder.counts.bad_frames == 0
    assert decoder.counts.frames > 0
    assert run(board, 'mpremote resume exec "print(6 * 7)"').strip() == "42"


def test_a_crash_of_a_flashed_board_is_told_by_its_next_start(board):
    """The traceback goes through the board's own file system."""
    assert flash.main(["--port", board.path]) == 0
    broken = "import tcxo.serial; tcxo.serial.SerialLink.commands = None\nimport tcxo.app; tcxo.app.run()"
    run(board, f"mpremote resume exec --no-follow {shlex.quote(broken)}")
    records = records_of(board, lambda r: isinstance(r, Text) and "TypeError" in r.text)
    told = [record.text for record in records if isinstance(record, Text)]
    assert any(line.startswith("crashed before: Traceback") for line in told), told
