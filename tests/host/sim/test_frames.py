"""Frames made on the host carry exactly the world's edges through the daemon's own decoder."""

import dataclasses

import numpy as np
from tcxo_host.edges.collector import EdgeCollector
from tcxo_host.sim.frames import FrameSource
from tcxo_host.sim.scenario import Fault, load_scenario
from tcxo_host.sim.world import World
from tcxo_protocol.framing import FrameDecoder
from tcxo_protocol.records import Identify, Status, iter_bodies, parse_body, parse_payload
from tcxo_protocol.spec import RecordType


def _seconds(collector: EdgeCollector, payloads: list[bytes]) -> list:
    closed = []
    for payload in payloads:
        for kind, body in iter_bodies(payload):
            if kind == RecordType.EDGES:
                collector.take_edges(body)
                continue
            record = parse_body(kind, body)
            if isinstance(record, Identify):
                collector.take_identify(record)
            elif isinstance(record, Status):
                closed.append(collector.take_status(record))
    return closed


def test_every_edge_arrives_in_its_second():
    world, source = World(load_scenario("dropouts"), 3), FrameSource(84_000_000)
    decoder, collector = FrameDecoder(), EdgeCollector()
    for _ in range(600):
        sent = world.step()
        frames = decoder.feed(b"\0" + source.frames(sent))
        (second,) = _seconds(collector, [frame.payload for frame in frames])
        assert second.tick_now == sent.tick_end
        assert second.temperature_c == sent.temperature_c
        for role, ticks in sent.edges.items():
            assert np.array_equal(second.ticks[role], ticks)
    assert decoder.counts.bad_frames == decoder.counts.lost_frames == 0
    assert all(ledger.lost == 0 for ledger in collector.ledgers.values())


def test_a_second_is_four_frames_at_most_and_well_under_600_bytes():
    world, source = World(load_scenario("day"), 3), FrameSource(84_000_000)
    source.payloads(world.step())
    second = world.step()
    assert [len(parse_payload(p)) for p in source.payloads(second)] == [2, 2, 1]
    assert len(source.frames(world.step())) < 450


def test_reboot_starts_ticks_and_numbers_anew_and_identifies():
    scenario = dataclasses.replace(
        load_scenario("steady"), fault=(Fault("reboot", at_s=5.4, duration_s=3.0),)
    )
    world, source, collector = World(scenario, 3), FrameSource(84_000_000), EdgeCollector()
    ticks, boots = [], set()
    for _ in range(20):
        for second in _seconds(collector, source.payloads(world.step())):
            ticks.append(round(second.tick_now / 84e6))
        boots.add(collector.board.boot_id)
    assert ticks == [1, 2, 3, 4, 5, *range(1, 13)]
    assert boots == {1, 2}
    assert all(ledger.lost == 0 for ledger in collector.ledgers.values())


def test_unplugged_line_loses_seconds_and_the_numbers_tell():
    scenario = dataclasses.replace(
        load_scenario("steady"), fault=(Fault("unplug", at_s=5.4, duration_s=4.0),)
    )
    world, source, collector = World(scenario, 3), FrameSource(84_000_000), EdgeCollector()
    closed = [s for _ in range(20) for s in _seconds(collector, source.payloads(world.step())) if s]
    # the first status after the gap waits for a second one to confirm that it is a gap
    assert [round(s.tick_now / 84e6) for s in closed] == [*range(1, 6), *range(11, 21)]
    assert closed[5].ticks["host_pwm"].size == 100
    assert collector.ledgers["host_pwm"].lost == 200
