"""Frames survive every way in which a line can mistreat them, and the losses are counted."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcxo_protocol.framing import DELIMITER, FrameDecoder, encode_frame
from tcxo_protocol.spec import MAX_PAYLOAD

PAYLOADS = [bytes([n]) * (n % 200) + b"\0\xff" * (n % 7) for n in range(200)]
WIRE = [encode_frame(seq, payload) for seq, payload in enumerate(PAYLOADS)]


def decode(chunks):
    decoder = FrameDecoder()
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return frames, decoder.counts


@given(st.integers(0, 65535), st.binary(max_size=MAX_PAYLOAD))
def test_a_frame_round_trips(seq, payload):
    wire = encode_frame(seq, payload)
    assert wire.endswith(DELIMITER)
    assert DELIMITER not in wire[:-1]
    (frame,) = FrameDecoder().feed(wire)
    assert (frame.seq, frame.payload, frame.lost) == (seq, payload, 0)


@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
def test_however_the_line_is_cut_every_frame_arrives(size):
    wire = b"".join(WIRE)
    frames, counts = decode(wire[at : at + size] for at in range(0, len(wire), size))
    assert [frame.payload for frame in frames] == PAYLOADS
    assert (counts.frames, counts.bad_frames, counts.lost_frames) == (len(WIRE), 0, 0)


def test_lost_frames_are_counted_from_the_sequence_numbers():
    chosen = random.Random(1)
    kept = [n for n in range(len(WIRE)) if n == 0 or chosen.random() > 0.2]
    frames, counts = decode(WIRE[n] for n in kept)
    assert [frame.seq for frame in frames] == kept
    assert counts.lost_frames == kept[-1] + 1 - len(kept)
    assert sum(frame.lost for frame in frames) == counts.lost_frames


def test_twenty_percent_lost_bytes_cost_frames_but_never_forge_one():
    chosen = random.Random(2)
    wire = bytes(byte for byte in b"".join(WIRE) if chosen.random() > 0.2)
    frames, counts = decode([wire, DELIMITER, encode_frame(777, b"after")])
    for frame in frames:
        assert frame.payload in [*PAYLOADS, b"after"]
    assert frames[-1].payload == b"after"
    assert counts.bad_frames > 0


def test_duplicated_frames_arrive_twice_and_are_no_gap():
    frames, counts = decode(wire for wire in WIRE for _ in range(2))
    assert len(frames) == 2 * len(WIRE)
    assert counts.lost_frames == 0


def test_garbage_between_frames_costs_no_frame():
    chosen = random.Random(3)
    noisy = [DELIMITER]
    for wire in WIRE:
        noisy += [chosen.randbytes(chosen.randrange(1, 60)), DELIMITER, wire]
    frames, counts = decode(noisy)
    assert [frame.payload for frame in frames] == PAYLOADS
    assert counts.bad_frames >= len(WIRE)


def test_starting_in_the_middle_of_a_frame_is_no_error():
    frames, counts = decode([WIRE[100][40:], WIRE[101]])
    assert [frame.seq for frame in frames] == [101]
    assert counts.bad_frames == 0
    assert counts.skipped_bytes == len(WIRE[100]) - 40 - 1


def test_endless_garbage_uses_no_endless_memory():
    decoder = FrameDecoder()
    decoder.feed(DELIMITER)
    for _ in range(1000):
        assert decoder.feed(b"\x55" * 1000) == []
    assert len(decoder._buffer) < 4 * MAX_PAYLOAD
    (frame,) = decoder.feed(DELIMITER + WIRE[5])
    assert frame.seq == 5
    assert decoder.counts.bad_frames == 1
    assert decoder.counts.skipped_bytes == 1_000_000


@given(st.binary(max_size=300), st.integers(0, 7))
def test_no_flipped_bit_passes(payload, bit):
    wire = bytearray(encode_frame(9, payload))
    wire[len(wire) // 2] ^= 1 << bit
    decoder = FrameDecoder()
    assert all(frame.payload == payload for frame in decoder.feed(bytes(wire)))


def test_a_restarted_board_is_no_gap():
    decoder = FrameDecoder()
    decoder.feed(b"".join(WIRE[:150]))
    decoder.feed(WIRE[0])
    assert decoder.counts.lost_frames == 0


@given(st.binary(max_size=4000))
def test_no_bytes_make_the_decoder_fail(noise):
    FrameDecoder().feed(noise)


def test_too_long_a_payload_is_refused():
    with pytest.raises(ValueError, match="at most 1024"):
        encode_frame(0, bytes(MAX_PAYLOAD + 1))
