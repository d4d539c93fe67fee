"""More edges than the line takes: a second closes all the same, each channel loses its own, and all is told."""

import numpy as np
import pytest
from support.firmware_boards import GPS, PWM, RTC, BoardReader, board_data, board_folder
from support.firmware_vms import run_unix
from tcxo_firmware import BOARDS_DIR
from tcxo_firmware.simboard import SimBoard
from tcxo_protocol.records import Edges, Identify, Status
from tcxo_protocol.spec import EdgeFlag

TICK_HZ = 84_000_000
AUX = 4
UART = (6, 115200)
FEED_EDGES = 500


def edges_of(spans):
    """``(channels, ticks)`` of ``(channel, rate_hz, from_s, until_s)``, evenly spaced, no two in one tick."""
    parts = [
        (channel, np.arange(round(start * rate), round(end * rate)) * (TICK_HZ // rate) + 1009 * channel)
        for channel, rate, start, end in spans
    ]
    channels = np.concatenate([np.full(len(ticks), channel) for channel, ticks in parts])
    ticks = np.concatenate([ticks for _, ticks in parts])
    order = np.argsort(ticks, kind="stable")
    return channels[order], ticks[order]


def run(folder, channels, ticks, seconds):
    """The edges through a board of that folder; its reader, closed, when the last second's status has come, and the
    tick from which ``ticks`` were counted."""
    with SimBoard(board=str(folder)) as board, BoardReader(board) as reader:
        reader.send("id")

        def is_known(reader):
            board.advance(board.tick + TICK_HZ // 100)  # a UART's writes take time
            return bool(reader.of(Identify))

        reader.wait(is_known)
        start = board.tick
        for first in range(0, len(ticks), FEED_EDGES):
            cut = slice(first, first + FEED_EDGES)
            board.feed(channels[cut], start + ticks[cut])
            reader.poll()
        board.advance(start + (seconds + 2) * TICK_HZ)
        reader.wait_status_at(start + (seconds + 1) * TICK_HZ)
        assert reader.decoder.counts.bad_frames <= 1, "the frame that was under way when the reader came"
        return reader, start


def check_a_status_every_second(reader, seconds):
    statuses = reader.of(Status)
    first_s = statuses[0].uptime_s
    assert [status.uptime_s for status in statuses] == list(range(first_s, first_s + len(statuses)))
    assert len(statuses) >= seconds
    apart_s = np.diff([status.tick for status in statuses]) / TICK_HZ
    assert 0.5 < apart_s.min() <= apart_s.max() < 1.5
    assert statuses[-1].frames_dropped == statuses[0].frames_dropped


def check_every_loss_is_told(reader, channel, true_ticks):
    """Missing numbers, the overflow flag, the status record's count and what never came are one and the same."""
    expected = missing = 0
    for record in reader.of(Edges):
        if record.channel != channel:
            continue
        gap = record.number - expected
        assert (gap > 0) == bool(record.flags & EdgeFlag.OVERFLOW), record
        missing += gap
        expected = record.number + len(record.ticks)
        assert list(record.ticks) == true_ticks[record.number : expected]
    [counts] = [c for c in reader.last_status().channels if c.id == channel]
    assert (counts.edges, counts.ring_drops, counts.overcaptures) == (len(true_ticks), missing, 0)
    return missing


@pytest.mark.parametrize("stream", ["usb", UART], ids=["usb", "uart"])
@pytest.mark.parametrize("rate_hz", [600, 1000])
def test_a_channel_of_1_khz_loses_nothing(tmp_path, stream, rate_hz):
    seconds = 10
    channels, ticks = edges_of([(GPS, 1, 0, seconds), (RTC, 1, 0, seconds), (PWM, rate_hz, 0, seconds)])
    reader, start = run(board_folder(tmp_path, stream=stream), channels, ticks, seconds)
    for channel in (GPS, RTC, PWM):
        assert check_every_loss_is_told(reader, channel, (start + ticks[channels == channel]).tolist()) == 0
    check_a_status_every_second(reader, seconds)


def test_a_channel_of_5_khz_on_a_uart_costs_its_own_edges_only_and_none_when_it_is_over(tmp_path):
    noisy_s, seconds = 10, 20
    channels, ticks = edges_of(
        [(GPS, 1, 0, seconds), (RTC, 5000, 0, noisy_s), (RTC, 1, noisy_s, seconds), (PWM, 50, 0, seconds)]
    )
    reader, start = run(board_folder(tmp_path, stream=UART), channels, ticks, seconds)
    check_a_status_every_second(reader, seconds)
    for channel in (GPS, PWM):
        assert check_every_loss_is_told(reader, channel, (start + ticks[channels == channel]).tolist()) == 0
    noisy = (start + ticks[channels == RTC]).tolist()
    missing = check_every_loss_is_told(reader, RTC, noisy)
    assert missing > 20_000, "the line takes some 2,500 edges a second"
    calm_from = start + (noisy_s + 1) * TICK_HZ
    assert [t for t in reader.ticks(RTC) if t >= calm_from] == [t for t in noisy if t >= calm_from]
    drops = [status.channels[1].ring_drops for status in reader.of(Status) if status.tick >= calm_from]
    assert set(drops) == {missing}


def test_commands_without_end_do_not_hold_up_a_second():
    """A receiving pin that floats can look like that."""
    assert run_unix("check_babble.py") == "told [1, 2, 3, 4, 5, 6, 7, 8, 9] lost 0\n"


@pytest.mark.parametrize("stream", ["usb", UART], ids=["usb", "uart"])
def test_every_channel_at_2_khz_shares_the_line_fairly(tmp_path, stream):
    seconds = 6
    on = [
        dict(channel, enabled=True, rate_mhz=1000) for channel in board_data(BOARDS_DIR / "SIM")["channels"]
    ]
    each = (GPS, RTC, PWM, AUX)
    # A lost edge is told by the next one that comes.
    spans = [(channel, 2000, 0, seconds) for channel in each] + [
        (channel, 1, seconds, seconds + 1) for channel in each
    ]
    channels, ticks = edges_of(spans)
    reader, start = run(board_folder(tmp_path, stream=stream, channels=on), channels, ticks, seconds)
    check_a_status_every_second(reader, seconds)
    came = []
    for channel in each:
        true = (start + ticks[channels == channel]).tolist()
        came.append(len(true) - check_every_loss_is_told(reader, channel, true))
    if stream == UART:
        assert max(came) - min(came) < 0.05 * max(came), came
        assert sum(came) > 1800 * seconds, "of 11,520 bytes a second"
    else:
        assert came == [2000 * seconds + 1] * 4
