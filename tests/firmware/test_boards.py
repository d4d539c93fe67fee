"""A board is one folder of data: what every folder holds, and that nothing else is needed for another one."""

import ast
import functools
import json
import re
import runpy
import shutil
from pathlib import Path

import pytest
from support.firmware_boards import BoardReader, advance_seconds, board_data, board_folder, seconds_of_edges
from support.firmware_vms import run_unix
from tcxo_firmware import BOARDS_DIR, DEVICE_DIR, DEVICE_FILES, SELFTEST_PART, board_names
from tcxo_firmware.simboard import SimBoard
from tcxo_host.flash import files as flash_files
from tcxo_host.flash import source_crc
from tcxo_protocol.framing import encode_frame
from tcxo_protocol.records import Identify, Text, build_record

FIRMWARE = DEVICE_DIR.parents[1]
TCXO_BOARD = BOARDS_DIR / "TCXO_DEVBOARD"

# Pins of TIM2's channels on every F4 with a TIM2 (data sheets, alternate function 1).
TIM2_PINS = {1: {"A0", "A5", "A15"}, 2: {"A1", "B3"}, 3: {"A2", "B10"}, 4: {"A3", "B11"}}
# An F446 has these too (stm32f446_af.csv); channel 1's, here as there, are ETR's.
F446_PINS = {1: {"B8"}, 2: {"B9"}, 4: {"B2"}}
ETR_PINS = TIM2_PINS[1]
PYBOARD_PINS = {
    "X1": "A0",
    "X2": "A1",
    "X3": "A2",
    "X4": "A3",
    "X6": "A5",
    "X9": "B6",
    "X10": "B7",
    "Y3": "B8",
}
# Of TIM4's, on the same bus: alternate function 2 in the port's stm32f405_af.csv and stm32f411_af.csv. TIM3 has a
# pyboard's LED 4, TIM5 its servos; PB6 and PB7 are the I2C bus.
TIM4_PINS = {1: {"B6"}, 2: {"B7"}, 3: {"B8"}, 4: {"B9"}}


def cpu_pin(name):
    """A pin by its chip's name, ``A0``; a NUCLEO's own names for it, ``A0`` for one, are the Arduino's."""
    return PYBOARD_PINS.get(name, name).removeprefix("P")


@pytest.mark.parametrize("name", board_names())
def test_a_folder_is_complete_and_right(name):
    board = board_data(BOARDS_DIR / name)
    assert board["name"] == name
    assert 10_000_000 <= board["tick_hz"] <= 100_000_000
    channels = board["channels"]
    clock, variant_of = board.get("clock"), board.get("variant_of")
    assert [channel["id"] for channel in channels] == ([2, 3, 4] if clock else [1, 2, 3, 4])
    more_pins = F446_PINS if "F446" in name else {}
    for channel in channels:
        pins = TIM2_PINS[channel["id"]] | more_pins.get(channel["id"], set())
        assert cpu_pin(channel["pin"]) in pins, channel
        assert channel["role"] in ("gps_pps", "rtc_pps", "host_pwm", "ref_pps", "aux")
        assert channel["edge"] in ("rising", "falling")
    i2c_pins = {"B8", "B9"} if "F446" in name else {"B6", "B7"}
    taken = [cpu_pin(channel["pin"]) for channel in channels] + [board["tmp36_pin"], *i2c_pins]
    taken += [cpu_pin(each["pin"]) for each in (board["selftest"], clock) if each]
    assert len(set(taken)) == len(taken)
    output = board["selftest"]
    if output:
        assert output["timer"] == 4
        assert cpu_pin(output["pin"]) in TIM4_PINS[output["channel"]]
    else:
        assert clock or board["stream"] != "usb", "its signal has the counter's clock, its answer a USB port"
    if clock:
        assert cpu_pin(clock["pin"]) in ETR_PINS
        assert clock["divide"] in (1, 2, 4, 8)
        assert board["tick_hz"] * clock["divide"] == clock["hz"]
        # RM0090, TIMx_SMCR: at most a quarter of the timer's own clock behind the prescaler.
        assert variant_of, "without its module it is another board"
        assert 4 * board["tick_hz"] <= board_data(BOARDS_DIR / variant_of)["tick_hz"]
    if variant_of:
        base = board_data(BOARDS_DIR / variant_of)
        assert "variant_of" not in base
        assert board["machine"] == base["machine"]
    on = {channel["role"]: channel["rate_mhz"] for channel in channels if channel.get("enabled", True)}
    assert on == {"gps_pps": 1000, "rtc_pps": 1000, "host_pwm": 50000}
    # The chip's independent watchdog takes at most 32.8 s; a crash pauses 5 s.
    [usual_ms] = re.findall(
        r"^WATCHDOG_MS = (\d+)", (DEVICE_DIR / "tcxo/health.py").read_text(), re.MULTILINE
    )
    assert 6000 < board.get("watchdog_ms", int(usual_ms)) <= 32000
    assert set(board["leds"]) in ({"single"}, {"streaming", "no_gps", "fault"})


@pytest.mark.parametrize("name", [name for name in board_names() if name != "SIM"])
def test_the_folder_s_description_names_every_pin(name):
    told = ast.get_docstring(ast.parse((BOARDS_DIR / name / "board_config.py").read_text()))
    data = board_data(BOARDS_DIR / name)
    for part in filter(None, (*data["channels"], data["selftest"], data.get("clock"))):
        assert re.search(rf"\b{part['pin']}\b", told), part


@pytest.fixture
def own_board(tmp_path):
    """Makes a board's folder as a user would add it."""
    return functools.partial(board_folder, tmp_path)


def test_a_board_needs_one_folder_and_no_code(own_board, monkeypatch):
    folder = own_board(tick_hz=100_000_000, machine="My board", i2c=None, tmp36_pin=None)
    with SimBoard(board=str(folder), tick_hz=100_000_000) as board, BoardReader(board) as reader:
        identify = reader.wait_identify()
        assert (identify.board, identify.tick_hz) == ("MINE", 100_000_000)
        advance_seconds(board, 2)
        assert reader.wait_status_at(board.tick_hz).external_c is None
    for module in (flash_files, __import__("tcxo_firmware")):
        monkeypatch.setattr(module, "BOARDS_DIR", folder.parent)
    assert flash_files.board_for_machine("My board with STM32F405") == "MINE"
    assert flash_files.files_for("MINE")[0].data == (folder / "board_config.py").read_bytes()


def test_a_fourth_channel_can_be_turned_on(own_board):
    channels = [
        dict(channel, enabled=True, rate_mhz=channel["rate_mhz"] or 1000)
        for channel in board_data(BOARDS_DIR / "SIM")["channels"]
    ]
    ids, ticks = seconds_of_edges(0, 5)
    with SimBoard(board=str(own_board(channels=channels))) as board, BoardReader(board) as reader:
        assert [channel.role for channel in reader.wait_identify().channels] == [1, 2, 3, 4]
        aux = ticks[ids == 3] + 777
        board.feed([4] * len(aux), aux)
        advance_seconds(board, 2)
        status = reader.wait_status_at(6 * board.tick_hz)
        assert reader.ticks(4) == aux.tolist()
        assert [(c.id, c.edges) for c in status.channels] == [(1, 0), (2, 0), (3, 0), (4, len(aux))]


def test_a_uart_carries_the_stream_and_commands(own_board):
    ids, ticks = seconds_of_edges(0, 5)
    with SimBoard(board=str(own_board(stream=(6, 115200)))) as board, BoardReader(board) as reader:
        reader.send("id")
        board.feed(ids, ticks)  # 64 bytes go out a turn, and only time turns the loop
        reader.wait_identify()
        advance_seconds(board, 2)
        reader.wait_status_at(6 * board.tick_hz)
        assert reader.ticks(3) == ticks[ids == 3].tolist()
        assert reader.decoder.counts.bad_frames <= 1, "the frame that was under way when the reader came"


def test_a_line_that_can_only_be_listened_to_waits_ten_seconds_at_most_for_who_it_is(own_board):
    with SimBoard(board=str(own_board(stream=(6, 115200)))) as board:
        with BoardReader(board) as reader:
            board.advance(13 * board.tick_hz)
            reader.wait_status_at(12 * board.tick_hz)
        with BoardReader(board) as reader:
            advance_seconds(board, 42)
            reader.wait_status_at(50 * board.tick_hz)
            heard = [type(record).__name__ for record in reader.records if not isinstance(record, Text)]
            assert heard.index("Identify") <= 10, "seconds, each closed by a status record"
            apart = "".join(name[0] for name in heard[heard.index("Identify") :]).split("I")[1:-1]
            assert {len(statuses) for statuses in apart} == {10}
            identify = next(filter(lambda record: isinstance(record, Identify), reader.records))
            frame_bytes = len(encode_frame(0, build_record(identify)))
            assert frame_bytes < 0.03 * 10 * 350, "3 % of what 52 edges and a status record take"


def test_a_wrong_tick_rate_in_the_folder_is_told(own_board):
    with SimBoard(board=str(own_board(tick_hz=96_000_000))) as board, BoardReader(board) as reader:
        assert reader.wait_identify().tick_hz == 84_000_000, "what the timer says"
        reader.wait(lambda r: "counter runs at 84000000 Hz, board_config says 96000000" in r.texts())


def test_every_channel_is_filtered_and_wired_as_its_data_says():
    told = json.loads(run_unix("check_setup.py"))
    assert told["asked"] == [[1, "X1", "rising"], [3, "X3", "falling"], [4, "X4", "rising"]]
    # Input filter 3 (8 samples) in bits 4-7 of channel 1's, 3's and 4's byte; the rest as it was.
    assert [f"{value:04x}" for value in told["ccmr"]] == ["0131", "0000", "3131", "0000"]


# The port's board definition of the TCXO board.


def definitions(text, tcxo_mhz):
    """``#define``d names of a header whose only conditions ask for TCXO_MHZ."""
    found, taken = {}, [True]
    for line in text.splitlines():
        if match := re.match(r"#(if|elif) TCXO_MHZ == (\d+)", line):
            is_met = int(match[2]) == tcxo_mhz
            if match[1] == "if":
                taken += [is_met, is_met]
            else:
                taken[-1] = is_met and not taken[-2]
                taken[-2] = taken[-2] or is_met
        elif line.startswith("#else"):
            taken[-1] = not taken[-2]
        elif line.startswith("#endif") and len(taken) > 1:
            del taken[-2:]
        elif taken[-1] and (match := re.match(r"#define\s+(\w+)\s+\((.*?)\)", line)):
            found[match[1]] = match[2]
    return found


@pytest.mark.parametrize("tcxo_mhz", [26, 12, 8])
def test_clocks_of_the_tcxo_board_are_exact(tcxo_mhz):
    """RM0090: 1 to 2 MHz into the PLL, at most 432 MHz out of its VCO, 48 MHz for USB."""
    board = definitions((TCXO_BOARD / "mpconfigboard.h").read_text(), tcxo_mhz)
    clocks = definitions((TCXO_BOARD / "stm32f4xx_hal_conf.h").read_text(), tcxo_mhz)
    assert board["MICROPY_HW_CLK_USE_BYPASS"] == ("0" if tcxo_mhz == 8 else "1"), "8 MHz is a crystal"
    hse_hz = int(clocks["HSE_VALUE"])
    assert hse_hz == tcxo_mhz * 1_000_000
    vco_in_hz, rest = divmod(hse_hz, int(board["MICROPY_HW_CLK_PLLM"]))
    assert rest == 0
    assert 1_000_000 <= vco_in_hz <= 2_000_000
    vco_hz = vco_in_hz * int(board["MICROPY_HW_CLK_PLLN"])
    assert 100_000_000 <= vco_hz <= 432_000_000
    assert divmod(vco_hz, int(board["MICROPY_HW_CLK_PLLQ"])) == (48_000_000, 0)
    cpu_hz = vco_hz // int(board["MICROPY_HW_CLK_PLLP"].removeprefix("RCC_PLLP_DIV"))
    assert cpu_hz == 168_000_000
    # The port divides APB1 by 4, and timers on a divided bus run at twice its rate.
    assert board_data(TCXO_BOARD)["tick_hz"] == cpu_hz // 4 * 2
    if tcxo_mhz == 8:
        assert board_data(BOARDS_DIR / "WEACT_F405")["tick_hz"] == cpu_hz // 4 * 2


def test_pins_of_the_tcxo_board_exist_and_are_used_once():
    named = dict(line.split(",") for line in (TCXO_BOARD / "pins.csv").read_text().split())
    header = (TCXO_BOARD / "mpconfigboard.h").read_text()
    board = board_data(TCXO_BOARD)
    used = re.findall(r"pin_([A-C]\d+)", header)
    used += [channel["pin"] for channel in board["channels"]] + [board["tmp36_pin"], board["selftest"]["pin"]]
    used += [named[name].removeprefix("P") for name in ("USB_DM", "USB_DP", "SWDIO", "SWCLK")]
    assert len(set(used)) == len(used)
    assert all(named[pin] == f"P{pin}" for pin in used)


# Lists that other programs read.


def test_mip_manifest_and_device_files_list_the_same():
    package = json.loads((FIRMWARE / "package.json").read_text())
    assert tuple(target for target, _ in package["urls"]) == DEVICE_FILES
    for target, url in package["urls"]:
        assert (FIRMWARE / url).resolve() == (DEVICE_DIR / target).resolve()
    manifest = ast.parse((FIRMWARE / "manifest.py").read_text())
    [freeze] = [node for node in ast.walk(manifest) if isinstance(node, ast.Call)]
    folder, names = (ast.literal_eval(argument) for argument in freeze.args)
    assert (FIRMWARE / folder).resolve() == DEVICE_DIR.resolve()
    assert names == DEVICE_FILES


def test_every_device_file_is_listed():
    there = {str(path.relative_to(DEVICE_DIR)) for path in DEVICE_DIR.rglob("*.py")}
    assert there == set(DEVICE_FILES)
    assert DEVICE_FILES[-1] == "main.py"


def test_the_crc_that_the_board_tells_is_of_these_files(monkeypatch, tmp_path):
    device = runpy.run_path(str(DEVICE_DIR / "tcxo/__init__.py"))
    assert device["SOURCE_CRC32"] == source_crc.source_crc32(), "run python -m tcxo_tools.firmware_crc"
    shutil.copytree(DEVICE_DIR, tmp_path / "device")
    monkeypatch.setattr(source_crc, "DEVICE_DIR", tmp_path / "device")
    for name in DEVICE_FILES:
        before = source_crc.source_crc32()
        with open(tmp_path / "device" / name, "a") as stream:
            stream.write("# changed\n")
        assert source_crc.source_crc32() != before, name


def test_the_project_s_wheel_has_every_file_of_a_board():
    """hatch takes all files of a package that git does not ignore."""
    ignored = (FIRMWARE.parent / ".gitignore").read_text().split()
    for path in [SELFTEST_PART, *BOARDS_DIR.rglob("*"), *(DEVICE_DIR / name for name in DEVICE_FILES)]:
        if "__pycache__" not in path.parts:
            assert not any(Path(path.name).match(pattern.rstrip("/")) for pattern in ignored), path
