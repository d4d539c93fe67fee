"""``tcxo-flash --selftest`` over real mpremote: a MicroPython whose own timer drives its capture inputs."""

import json
import os
import re
import shutil
import signal

import pytest
import smbus2
from support.fake_i2c import FakeBus
from support.flash_board import FlashBoard
from tcxo_firmware import BOARDS_DIR, DEVICE_DIR
from tcxo_host.flash import main as flash
from tcxo_host.flash import session as flash_session
from tcxo_host.flash.selftest import recording as selftest_recording
from tcxo_host.flash.selftest import run as selftest_run
from tcxo_host.link import i2c as i2c_link

FIRMWARE = [DEVICE_DIR, BOARDS_DIR / "SIM"]


def board_of(directory, **options):
    """With the firmware frozen in, its time passing, and the jumper on the PWM's input, unless told otherwise."""
    return FlashBoard(directory, **{"frozen": FIRMWARE, "is_running": True, "wire": (3,), **options})


def run(capsys, board, *options):
    status = flash.main(["--port", board.path, "--selftest", *options])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def failed(out):
    return set(re.findall(r"^failed   (.+?)  ", out, re.MULTILINE))


def files_on(board):
    with flash_session.Session(board.path) as session:
        found = session.ask("import os\nprint(os.listdir(), os.listdir('/flash'), sep=',')")
        session.reset()
    return found


def runs_its_own_firmware(board):
    return flash_session.wait_for_identify(board.path).board == "SIM"


def test_a_good_board_passes_and_is_left_as_it_was(tmp_path, capsys):
    with board_of(tmp_path) as board:
        before = files_on(board)
        assert runs_its_own_firmware(board)
        starts = board.starts
        status, out, err = run(capsys, board)
        assert (status, failed(out)) == (0, set()), out + err
        assert "the jumper wire goes from Y3 to X3 (host_pwm)" in err
        count, exact = re.search(r"(\d+) of (\d+) exact to the tick, 50, 200, 1000, 2000 Hz", out).groups()
        assert count == exact
        assert int(count) > 4000
        wraps = re.search(r"wrapped (\d) times while edges came", out)
        assert int(wraps[1]) >= 3
        lost = re.search(r"(\d+) lost in pauses", out)
        assert int(lost[1]) > 100, "of 400 edges in a pause of 2 s, the ring keeps 256"
        assert out.splitlines()[-1] == "passed: 14 checks"
        assert max(map(len, out.splitlines())) <= 80
        assert board.starts == starts + 1, "the reset at the end, and no other"
        assert runs_its_own_firmware(board)
        assert files_on(board) == before == ([], [])


def test_all_inputs_joined_for_machines(tmp_path, capsys):
    with board_of(tmp_path, wire=(1, 2, 3)) as board:
        status, out, err = run(capsys, board, "all", "--json")
        told = json.loads(out)
        assert (status, told["result"], told["board"]) == (0, "passed", "SIM"), out + err
        assert told["wire"] == "from Y3 to X1 (gps_pps), X2 (rtc_pps) and X3 (host_pwm)"
        checks = {check["name"]: check for check in told["checks"]}
        assert {check["level"] for check in checks.values()} == {"ok"}
        assert "1, 50, 200, 1000, 2000 Hz, 3 channels" in checks["periods"]["text"]


@pytest.mark.parametrize(
    ("fault", "names", "told"),
    [
        ("a_lost_edge", {"periods", "lost edges"}, "1 edges are missing and were not counted"),
        ("an_edge_doubled", {"periods", "doubled edges"}, "1 edges came twice"),
        ("a_wrong_clock", {"periods", "clock"}, "wrong clock: the signal's periods are +10.000 ppm off"),
        (
            "a_wrap_counted_twice",
            {"periods", "wraps"},
            "a wrap counted twice: 1 periods are 2^32 ticks too long",
        ),
        ("a_frozen_main_loop", {"main loop", "losses"}, "stood still for too long: longest silence 5 s"),
        ("an_overcapture", {"overcapture", "periods"}, "1 overcaptures, though no rate was above 2000 Hz"),
        ("a_low_supply", {"supply"}, "2.40 to 2.40 V, beyond 2.9 to 3.6 V"),
    ],
)
def test_a_planted_fault_is_found_by_name(tmp_path, capsys, fault, names, told):
    with board_of(tmp_path, fault=fault) as board:
        status, out, err = run(capsys, board)
        assert status == 1, out + err
        assert told in out
        assert failed(out) == names
        assert out.splitlines()[-1].startswith("failed: ")
        assert runs_its_own_firmware(board)


@pytest.mark.parametrize(
    ("wire", "fault", "told"),
    [
        ((), "", "the jumper is missing: no signal at X3 (channel 3)"),
        ((1,), "", "the jumper is on the wrong input: on X1 (channel 1), not on X3 (channel 3)"),
        (
            (3,),
            "a_driven_wire",
            "something drives the wire: take all else off it; nothing was driven against it",
        ),
    ],
)
def test_a_wire_that_is_not_right_is_told_with_its_place(tmp_path, capsys, wire, fault, told):
    with board_of(tmp_path, wire=wire, fault=fault) as board:
        status, out, err = run(capsys, board)
        assert status == 2, out + err
        assert out.splitlines() == [
            f"failed   wire           {told}",
            "not tested: put the jumper wire from Y3 to X3 (host_pwm), nothing else on either end, and run it again",
        ]
        assert runs_its_own_firmware(board)


def test_both_links_at_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(i2c_link, "_AFTER_SECOND_S", 0.02)  # of the board's time, which runs faster
    monkeypatch.setattr(i2c_link, "_AGAIN_S", 0.005)
    with board_of(tmp_path, is_i2c_read=True) as board:
        bus = FakeBus(lambda address, write, read: board.i2c.transfer(address, write, read))
        bus.install(monkeypatch)
        status, out, err = run(capsys, board, "--i2c", "1:0x55")
        assert status == 0, out + err
        [same] = re.findall(r"^ok       i2c            (\d+) edges as on the serial line", out, re.MULTILINE)
        assert int(same) > 100
        assert bus.transfers > 8  # time waits at most 2.5 s for the next
        assert runs_its_own_firmware(board)


def test_a_bus_that_nothing_answers_on_fails_that_check_alone(tmp_path, capsys, monkeypatch):
    def no_such_bus(number):
        raise FileNotFoundError

    monkeypatch.setattr(smbus2.SMBus, "__init__", lambda bus, number: no_such_bus(number))
    with board_of(tmp_path) as board:
        status, _, err = run(capsys, board, "--i2c", "9:0x55")
        assert status == 69
        assert "/dev/i2c-9: no such bus" in err
        assert runs_its_own_firmware(board)


def at_first_bytes(monkeypatch, act):
    """``act`` once the board's part has begun to send."""
    read = flash_session.Session.read
    done = []

    def read_and_act(session):
        data = read(session)
        if data and not done:
            done.append(True)
            act()
        return data

    monkeypatch.setattr(flash_session.Session, "read", read_and_act)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("is_running", [True, False])
def test_it_can_be_ended_at_any_time(tmp_path, capsys, monkeypatch, number, is_running):
    with board_of(tmp_path, is_running=is_running) as board:
        at_first_bytes(monkeypatch, lambda: os.kill(os.getpid(), number))
        handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        status, out, err = run(capsys, board)
        assert (status, out) == (130, "")
        assert err.endswith("tcxo-flash: interrupted; nothing of the self-test is left on the board\n")
        assert runs_its_own_firmware(board)
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


def test_a_bug_of_ours_leaves_the_board_running(tmp_path, monkeypatch):
    def fail(recording, records):
        raise RuntimeError("planted")

    monkeypatch.setattr(selftest_recording.Recording, "take", fail)
    with board_of(tmp_path) as board:
        with pytest.raises(RuntimeError, match="planted"):
            flash.main(["--port", board.path, "--selftest"])
        assert runs_its_own_firmware(board)


def test_an_exception_on_the_board_is_told(tmp_path, capsys):
    with board_of(tmp_path, fault="an_exception") as board:
        status, out, err = run(capsys, board)
        assert (status, out) == (65, "")
        assert err.endswith("tcxo-flash: the self-test broke off on the board: ValueError('planted',)\n")
        assert runs_its_own_firmware(board)


def test_a_reset_in_the_middle_is_found(tmp_path, capsys, monkeypatch):
    with board_of(tmp_path) as board:
        at_first_bytes(monkeypatch, board.reset)
        status, out, err = run(capsys, board)
        assert status == 1, out + err
        assert "the board restarted in the middle of the test" in out
        assert runs_its_own_firmware(board)


def test_a_slow_reader_that_gets_the_board_s_next_start_in_the_same_bytes(tmp_path, capsys, monkeypatch):
    read = flash_session.Session.read

    def read_all(session):
        data = more = read(session)
        while more:
            more = read(session)
            data += more
            if len(data) > 500_000:  # the board's own firmware, which goes on and on
                break
        return data

    monkeypatch.setattr(flash_session.Session, "read", read_all)
    with board_of(tmp_path) as board:
        status, out, err = run(capsys, board)
        assert (status, failed(out)) == (0, set()), out + err


def test_a_board_that_vanishes(tmp_path, capsys, monkeypatch):
    with board_of(tmp_path) as board:
        at_first_bytes(monkeypatch, board.unplug)
        status, out, err = run(capsys, board)
        assert (status, out) == (69, "")
        assert f"the board on {board.path} went away" in err
        assert "plugged in again it starts its own firmware" in err.splitlines()[-1]


def test_a_board_that_falls_silent_is_brought_back(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(selftest_run, "_SILENCE_S", 0.5)
    with board_of(tmp_path, is_running=False) as board:
        status, out, err = run(capsys, board)
        assert (status, out) == (69, "")
        assert "fell silent in the self-test: try again" in err
        assert runs_its_own_firmware(board)


def folder_of(directory, **changes):
    """The simulated board's device files and data as its MicroPython has them, some text changed."""
    for source in FIRMWARE:
        shutil.copytree(source, directory / source.name)
    for path in (directory / "device/tcxo/__init__.py", directory / "SIM/board_config.py"):
        text = path.read_text()
        for before, after in changes.items():
            text = re.sub(before, after, text)
        path.write_text(text)
    return [directory / "device", directory / "SIM"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"SOURCE_CRC32 = .*": "SOURCE_CRC32 = 0x89ABCDEF"},
            "the board's firmware is of other source (89abcdef)",
        ),
        (
            {' *"selftest": .*\n': ""},
            "the board's own board_config.py (SIM) names no output for the self-test",
        ),
    ],
)
def test_other_firmware_than_this_self_test_is_for(tmp_path, capsys, changes, told):
    with board_of(tmp_path, frozen=folder_of(tmp_path, **changes)) as board:
        status, out, err = run(capsys, board)
        assert (status, out) == (65, "")
        assert told in err
        assert "run tcxo-flash first" in err
        assert runs_its_own_firmware(board)


def test_a_board_without_the_firmware_and_a_channel_that_is_none(tmp_path, capsys):
    with board_of(tmp_path, frozen=()) as board:
        status, _, err = run(capsys, board)
        assert (status, err) == (
            65,
            "tcxo-flash: the capture firmware is not on this board: run tcxo-flash first\n",
        )
    (tmp_path / "port").unlink(missing_ok=True)
    with board_of(tmp_path) as board:
        status, _, err = run(capsys, board, "aux")
        assert status == 64
        assert "no channel 'aux': the board has 1 (gps_pps), 2 (rtc_pps), 3 (host_pwm), or say all" in err
        assert runs_its_own_firmware(board)


@pytest.mark.parametrize("options", [["--i2c", "1:0x55"], ["--selftest", "--check"]])
def test_options_that_do_not_go_together(capsys, options):
    with pytest.raises(SystemExit) as exit_info:
        flash.main(options)
    assert exit_info.value.code == 64


def test_a_malformed_i2c_address_is_told_before_the_board_is_touched(tmp_path, capsys):
    with board_of(tmp_path) as board:
        starts = board.starts
        status, _, err = run(capsys, board, "--i2c", "1:0x99")
        assert status == 64
        assert "expected i2c:BUS:ADDRESS" in err
        assert board.starts == starts
