"""The whole application in both MicroPythons, 31-bit integers included: every tick through every limit."""

import json

import pytest
from support.firmware_vms import run_31bit, run_unix
from tcxo_protocol.framing import FrameDecoder
from tcxo_protocol.records import Edges, Identify, Status, parse_payload


@pytest.mark.parametrize("run", [run_unix, run_31bit])
def test_ticks_through_every_limit_of_small_integers(run):
    told = dict(line.split(" ", 1) for line in run("check_board.py").splitlines())
    fed = [(channel, tick) for channel, tick in json.loads(told["fed"])]
    decoder = FrameDecoder()
    frames = decoder.feed(bytes.fromhex(told["sent"]))
    records = [record for frame in frames for record in parse_payload(frame.payload)]
    got = [(r.channel, tick) for r in records if isinstance(r, Edges) for tick in r.ticks]
    assert sorted(got, key=lambda edge: edge[1]) == fed
    assert decoder.counts.bad_frames == decoder.counts.lost_frames == 0
    [identify, *_] = [r for r in records if isinstance(r, Identify)]
    assert (identify.boot_id, identify.tick_hz) == (0xFFFFFFFF, 84_000_000)
    ticks = [r.tick for r in records if isinstance(r, Status)]
    assert ticks == sorted(ticks)
    assert ticks[-1] > fed[-1][1] > 2 << 32
