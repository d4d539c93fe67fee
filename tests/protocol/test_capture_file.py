"""The capture file: what was written comes back, whatever was cut off or damaged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tcxo_protocol.capture_file import MAGIC, CaptureDecoder, CaptureEncoder, Entry, EntryKind, parse_clock

FIRST_NS = 5_000_000_000
UTC_NS = 1_700_000_000_000_000_000


def encoded(entries):
    encoder = CaptureEncoder()
    return [encoder.encode(kind, host_ns, UTC_NS + host_ns, body) for kind, host_ns, body in entries]


def decoded(data, chunk=1 << 20):
    """All entries but the clocks, and the decoder."""
    decoder = CaptureDecoder()
    found = []
    for at in range(0, len(data), chunk):
        found += decoder.feed(data[at : at + chunk])
    found += decoder.close()
    return [each for each in found if each.kind != EntryKind.CLOCK], decoder


def small():
    """Three minutes with an entry a second: four segments."""
    return [(EntryKind.FRAME, FIRST_NS + n * 1_000_000_007, bytes([n]) * (n % 7)) for n in range(200)]


@given(
    st.lists(st.tuples(st.sampled_from([2, 3, 6, 14]), st.integers(0, 1 << 62), st.binary(max_size=300))),
    st.integers(1, 400),
)
@settings(max_examples=60, deadline=None)
def test_every_entry_comes_back_however_the_file_is_cut_into_chunks(entries, chunk):
    found, decoder = decoded(b"".join(encoded(entries)), chunk)
    assert [(each.kind, each.host_ns, each.body) for each in found] == entries
    assert (decoder.skipped_bytes, decoder.damages) == (0, 0)


def test_a_file_cut_at_any_byte_reads_up_to_the_last_whole_entry():
    entries = small()[:70]
    parts = encoded(entries)
    data = b"".join(parts)
    ends = [sum(map(len, parts[: n + 1])) for n in range(len(parts))]
    for cut in range(len(data) + 1):
        found, decoder = decoded(data[:cut])
        whole = sum(end <= cut for end in ends)
        assert [(each.kind, each.host_ns, each.body) for each in found] == entries[:whole], cut
        assert decoder.damages <= 1


def test_damage_costs_at_most_its_own_segment():
    entries = small()
    data = b"".join(encoded(entries))
    step = 11
    for at in range(0, len(data), step):
        found, decoder = decoded(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        assert {Entry(*entry) for entry in entries} >= set(found), at
        assert len(found) >= len(entries) - 60, at
        assert decoder.damages >= 1, at


def test_files_can_be_appended_to_one_another_even_after_a_cut():
    one, other = b"".join(encoded(small()[:30])), b"".join(encoded(small()[30:50]))
    found, _ = decoded(one + other)
    assert len(found) == 50
    found, decoder = decoded(one[:-3] + other)
    assert [each.host_ns for each in found] == [host_ns for _, host_ns, _ in small()[:29] + small()[30:50]]
    assert decoder.damages == 1


def test_a_clock_that_jumps_starts_a_segment_with_both_times():
    data = b"".join(encoded([(2, FIRST_NS, b"a"), (2, FIRST_NS - 4_000_000_000, b"b")]))
    assert data.count(MAGIC) == 2
    decoder = CaptureDecoder()
    clocks = [parse_clock(each.body) for each in decoder.feed(data) if each.kind == EntryKind.CLOCK]
    assert clocks == [
        (FIRST_NS, UTC_NS + FIRST_NS),
        (FIRST_NS - 4_000_000_000, UTC_NS + FIRST_NS - 4 * 10**9),
    ]


@pytest.mark.parametrize("foreign", [b"", b"x", b"0,25618500\n" * 50, bytes(5000), MAGIC[:5]])
def test_what_is_no_capture_gives_no_entries(foreign):
    found, decoder = decoded(foreign, 7)
    assert found == []
    assert decoder.entries == 0
    assert decoder.skipped_bytes == len(foreign)


def test_a_reader_that_follows_waits_for_the_rest_of_an_entry():
    data = b"".join(encoded([(2, FIRST_NS, b"abc")]))
    decoder = CaptureDecoder()
    decoder.feed(data[:-1])
    assert [each.body for each in decoder.feed(data[-1:])] == [b"abc"]
