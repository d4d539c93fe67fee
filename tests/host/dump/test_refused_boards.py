"""Captures of boards that cannot be used, and of boards whose texts would steer a terminal."""

import json

import pytest
from support.captures import START_NS, frames, utc_of
from support.dump import dump
from support.streams import identify
from tcxo_host.capture.writer import CaptureWriter
from tcxo_protocol.records import Channel, Text, build_record
from tcxo_protocol.spec import PROTOCOL_MAJOR, RecordType, Role

NEWER = bytes([RecordType.IDENTIFY, 2, 0, PROTOCOL_MAJOR + 8, 0])
REFUSED = {
    "tick_hz is 0": build_record(identify(tick_hz=0)),
    "tick_hz is 1": build_record(identify(tick_hz=1)),
    "rate_mhz of its channel host_pwm is 0": build_record(
        identify(channels=(Channel(0, Role.GPS_PPS, 1000, ""), Channel(2, Role.HOST_PWM, 0, "")))
    ),
    "the same role": build_record(identify(channels=(Channel(0, 1, 1000, ""), Channel(1, 1, 1000, "")))),
    "the board speaks protocol 9.0": NEWER,
}


def capture(path, *made):
    writer = CaptureWriter(path, utc_of=utc_of)
    writer.link_opened(START_NS)
    for host_ns, payload in made:
        writer.write(host_ns, payload)
    writer.close()
    return path


@pytest.mark.parametrize("command", [("replay",), ("info",), ("stats",), ("plot", "channels", "-o", "x.svg")])
@pytest.mark.parametrize("problem", REFUSED)
def test_a_board_that_cannot_be_used_is_named(tmp_path, problem, command):
    _, *seconds = frames(10)
    path = capture(tmp_path / "a.tcxocap", (START_NS, REFUSED[problem]), *seconds)
    name, *rest = command
    done = dump(name, *rest[:1], path, *rest[1:], cwd=tmp_path)
    assert done.returncode == 65
    assert problem in done.stderr.splitlines()[-1]


def test_what_comes_before_and_after_it_is_used(tmp_path):
    made = list(frames(20))
    path = capture(tmp_path / "a.tcxocap", *made[:9], (made[9][0], NEWER), made[0], *made[9:])
    done = dump("info", path, "--json")
    info = json.loads(done.stdout)
    assert (done.returncode, info["edges"], info["lost_edges"], info["bad_records"]) == (0, 20 * 52, 0, 1)
    done = dump("replay", path)
    assert "20 seconds" in done.stdout
    assert done.stdout.count("protocol 9.0") == 1


def test_a_boards_texts_are_written_out(tmp_path):
    identity = build_record(identify(board="\x1b[31mRED\n"))
    text = build_record(Text("\x1b[2J\nforged: all is well\x07"))
    path = capture(tmp_path / "a.tcxocap", (START_NS, identity), (START_NS + 1, text))
    for command in (("info", path), ("show", path, "--format", "records"), ("replay", path)):
        shown = dump(*command).stdout
        assert r"\x1b[31mRED\n" in shown
        assert shown.replace("\n", "").isprintable()
        assert not any(line.startswith("forged") for line in shown.splitlines())


def test_a_board_that_talks_without_end_fills_no_memory(tmp_path):
    made = [(START_NS + n, build_record(Text(f"line {n}")) * 40) for n in range(500)]
    done = dump("info", capture(tmp_path / "a.tcxocap", (START_NS, build_record(identify())), *made))
    assert done.stdout.splitlines()[-1] == "... and 19962 lines more"  # and two of link and board
