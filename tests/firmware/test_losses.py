"""What the board cannot keep it counts: overcaptures, a full ring, a reader that stops."""

import numpy as np
from support.firmware_boards import GPS, PWM, BoardReader, seconds_of_edges
from tcxo_firmware.simboard import SimBoard
from tcxo_protocol.records import Edges, Status
from tcxo_protocol.spec import EdgeFlag


def counts_of(status, channel):
    [counts] = [c for c in status.channels if c.id == channel]
    return counts


def test_edges_exactly_at_a_wrap_on_all_channels():
    wraps = np.arange(1, 60, dtype=np.int64) << 32
    offsets = np.arange(-len(wraps) // 2, len(wraps) // 2) * 12  # from well before to well after
    ticks = np.repeat(wraps + offsets, 3)
    channels = np.tile([1, 2, 3], len(wraps))
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        for cut in np.array_split(np.arange(len(ticks)), 20):
            board.feed(channels[cut], ticks[cut])
            reader.poll()
        board.advance(int(ticks[-1]) + 2 * board.tick_hz)
        reader.wait_status_at(int(ticks[-1]))
        for channel in (1, 2, 3):
            assert reader.ticks(channel) == ticks[channels == channel].tolist()


def test_an_overcapture_is_flagged_on_the_edge_that_survived():
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        # The second edge comes before the interrupt, then between clearing the flag and reading CCR.
        for start, distance in ((10_000_000, 100), (20_000_000, 250), (30_000_000, 5000)):
            board.feed([PWM, PWM], [start, start + distance])
        board.advance(2 * board.tick_hz)
        status = reader.wait_status_at(board.tick_hz)
        assert reader.ticks(PWM) == [10_000_100, 20_000_250, 30_000_000, 30_005_000]
        flags = [(edges.ticks[0], edges.flags) for edges in reader.of(Edges)]
        assert flags == [(10_000_100, EdgeFlag.OVERCAPTURE), (20_000_250, EdgeFlag.OVERCAPTURE)]
        assert counts_of(status, PWM).edges == 4
        assert counts_of(status, PWM).overcaptures == 2


def test_a_reader_that_stops_for_ten_seconds_costs_what_the_counters_say():
    seconds = 25
    channels, ticks = seconds_of_edges(0, seconds)
    stops, resumes = 5 * 84_000_000, 15 * 84_000_000
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        before, after = ticks < stops, ticks >= resumes
        board.feed(channels[before], ticks[before])
        board.stall_reader(True)
        board.feed(channels[~before & ~after], ticks[~before & ~after])
        board.stall_reader(False)
        board.feed(channels[after], ticks[after])
        board.advance((seconds + 2) * board.tick_hz)
        status = reader.wait_status_at((seconds + 1) * board.tick_hz)

        assert reader.decoder.counts.bad_frames == 0, "a frame was cut by the stall"
        sent = reader.ticks(PWM)
        true = ticks[channels == PWM].tolist()
        drops = counts_of(status, PWM).ring_drops
        assert drops > 0
        assert len(sent) == len(true) - drops
        assert set(sent) <= set(true)
        numbered = [e for e in reader.of(Edges) if e.channel == PWM]
        assert len([e for e in numbered if e.flags & EdgeFlag.OVERFLOW]) == 1
        # Running numbers count the lost edges: number and tick still belong together.
        assert all(true[e.number] == e.ticks[0] for e in numbered)
        # Its ring is its own: the others' edges waited in theirs.
        assert reader.ticks(GPS) == ticks[channels == GPS].tolist()
        assert counts_of(status, GPS).ring_drops == 0
        # The port buffers some 2.7 s; the rest of the 10 s went by without a status record.
        assert 5 <= status.frames_dropped <= 8


def test_a_stall_of_four_seconds_costs_nothing():
    seconds = 15
    channels, ticks = seconds_of_edges(0, seconds)
    stalled = (ticks >= 5 * 84_000_000) & (ticks < 9 * 84_000_000)
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.feed(channels[ticks < 5 * 84_000_000], ticks[ticks < 5 * 84_000_000])
        board.stall_reader(True)
        board.feed(channels[stalled], ticks[stalled])
        board.stall_reader(False)
        board.feed(channels[ticks >= 9 * 84_000_000], ticks[ticks >= 9 * 84_000_000])
        board.advance((seconds + 2) * board.tick_hz)
        reader.wait_status_at((seconds + 1) * board.tick_hz)
        assert reader.ticks(PWM) == ticks[channels == PWM].tolist()


def test_a_main_loop_that_stands_still_for_four_seconds_loses_no_edge():
    seconds = 12
    channels, ticks = seconds_of_edges(0, seconds)
    before = ticks < 5 * 84_000_000
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.feed(channels[before], ticks[before])
        board.hang(4)
        board.feed(channels[~before], ticks[~before])
        board.advance((seconds + 2) * board.tick_hz)
        status = reader.wait_status_at((seconds + 1) * board.tick_hz)
        assert reader.ticks(PWM) == ticks[channels == PWM].tolist()
        assert counts_of(status, PWM).ring_drops == 0
        statuses = [r.tick / board.tick_hz for r in reader.of(Status)]
        assert max(np.diff(statuses)) > 3.9, "it did stand still"


def test_stream_off_silences_edges_and_status_and_on_brings_them_back():
    channels, ticks = seconds_of_edges(0, 20)
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        reader.send("stream off")
        reader.send("nonsense")
        reader.wait(lambda r: "nonsense" in r.texts())
        # less than ten seconds: then the board would identify itself unasked
        board.feed(channels[ticks < 9 * 84_000_000], ticks[ticks < 9 * 84_000_000])
        board.advance(9 * 84_000_000)
        reader.send("status")
        reader.wait_status_at(0)
        assert reader.ticks(PWM) == []
        reader.send("stream on")
        reader.wait_identify(2)
        board.feed(channels[ticks >= 10 * 84_000_000], ticks[ticks >= 10 * 84_000_000])
        board.advance(22 * 84_000_000)
        reader.wait_status_at(21 * 84_000_000)
        assert len(reader.ticks(PWM)) >= 499


def test_edge_numbers_stay_true_when_nobody_listens_for_longer_than_they_have_bits_in_the_ring():
    """The ring holds 16 bits of an edge's number: 65536 edges of 50 Hz are 22 minutes."""
    unheard_s, heard_s = 1600, 5
    with SimBoard() as board:
        channels, ticks = seconds_of_edges(0, unheard_s + heard_s)
        before = ticks < unheard_s * board.tick_hz
        board.feed(channels[before], ticks[before])
        with BoardReader(board) as reader:
            reader.wait_identify()
            board.feed(channels[~before], ticks[~before])
            board.advance((unheard_s + heard_s + 1) * board.tick_hz)
            reader.wait_status_at((unheard_s + heard_s) * board.tick_hz)
            pwm = ticks[channels == PWM].tolist()
            assert len(pwm) > 65536
            for edges in reader.of(Edges):
                if edges.channel == PWM:
                    assert list(edges.ticks) == pwm[edges.number : edges.number + len(edges.ticks)]
            assert pwm[-1] in reader.ticks(PWM)
