"""Every record means the same after a round trip; what is not understood is skipped or named."""

import dataclasses

import pytest
from construct import ConstructError
from hypothesis import given
from hypothesis import strategies as st
from support.streams import identify
from tcxo_protocol.records import (
    Channel,
    ChannelCounts,
    Edges,
    Identify,
    IdentityError,
    ProtocolError,
    Status,
    Text,
    VersionMismatch,
    build_record,
    parse_body,
    parse_payload,
    printable,
)
from tcxo_protocol.spec import (
    EDGES_HEAD,
    IDENTIFY,
    MAX_CHANNELS,
    PROTOCOL_MAJOR,
    RATE_MHZ_RANGE,
    RECORDS,
    STATUS,
    TEMPERATURE_ABSENT,
    TICK_HZ_RANGE,
    VOLTAGE_ABSENT,
    RecordType,
    Role,
    role_name,
    struct_of,
)

u8, u16, u32 = st.integers(0, 2**8 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
plain_text = st.text(max_size=200).filter(str.isprintable)
short_text = plain_text.filter(lambda text: len(text.encode()) < 256)
celsius = st.none() | st.integers(-32767, 32767).map(lambda cdeg: cdeg / 100)

IDENTIFIES = st.builds(
    Identify,
    u32, u8, st.integers(*TICK_HZ_RANGE), u8, short_text, short_text, short_text,
    st.lists(st.builds(Channel, u8, u8, st.integers(RATE_MHZ_RANGE[0], 500_000), short_text), min_size=1,
             max_size=4, unique_by=(lambda each: each.id, lambda each: each.role)).map(tuple),
)  # fmt: skip
EDGES = st.builds(
    lambda channel, flags, number, first, deltas: Edges(
        channel, flags, number, tuple((first + sum(deltas[:n])) % 2**64 for n in range(len(deltas) + 1))
    ),
    u8, u8, u32, u64, st.lists(u32, max_size=30),
)  # fmt: skip
STATUSES = st.builds(
    Status,
    u32, u64, u32, u32, celsius, celsius,
    st.none() | st.integers(0, 65534).map(lambda mv: mv / 1000),
    st.lists(st.builds(ChannelCounts, u8, u32, u32, u32), max_size=4).map(tuple),
)  # fmt: skip
TEXTS = st.builds(Text, plain_text)


@given(st.lists(st.one_of(IDENTIFIES, EDGES, STATUSES, TEXTS), max_size=4))
def test_every_record_round_trips(records):
    assert parse_payload(b"".join(map(build_record, records))) == records


@given(EDGES, st.integers(5, 255), st.binary(max_size=300))
def test_unknown_types_are_skipped_by_length(edges, kind, body):
    unknown = bytes([kind]) + len(body).to_bytes(2, "little") + body
    assert parse_payload(unknown + build_record(edges)) == [edges]


@given(st.sampled_from(list(RecordType)), st.binary(max_size=80))
def test_no_body_makes_the_parser_fail_otherwise(kind, body):
    try:
        parse_body(kind, body)
    except ProtocolError as error:
        assert "\n" not in str(error)


def test_bytes_of_a_later_minor_version_are_ignored():
    record = build_record(dataclasses.replace(identify(), protocol_minor=9))
    longer = record[:1] + (len(record) - 3 + 4).to_bytes(2, "little") + record[3:] + b"more"
    (parsed,) = parse_payload(longer)
    assert parsed.protocol_minor == 9


def test_another_major_version_names_both():
    body = bytes([PROTOCOL_MAJOR + 1, 7]) + b"whatever that version holds"
    with pytest.raises(
        VersionMismatch, match=rf"protocol {PROTOCOL_MAJOR + 1}\.7, this host {PROTOCOL_MAJOR}\."
    ):
        parse_body(RecordType.IDENTIFY, body)


def pwm(rate_mhz):
    return (Channel(0, Role.HOST_PWM, rate_mhz, "X3"),)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"tick_hz": 0}, "tick_hz is 0, expected 1000 to 4294967295"),
        ({"channels": ()}, "has 0 channels, expected 1 to 16"),
        ({"channels": tuple(Channel(n, n, 1000, "") for n in range(MAX_CHANNELS + 1))}, "has 17 channels"),
        ({"channels": pwm(0)}, "rate_mhz of its channel host_pwm is 0, expected 1 to"),
        ({"channels": pwm(2**32 - 1)}, "rate_mhz of its channel host_pwm is 4294967295"),
        ({"channels": pwm(600_000), "tick_hz": 1000}, "tick_hz of 1000 is too slow for 600000 mHz"),
        ({"channels": (*pwm(1), Channel(0, Role.AUX, 1000, ""))}, "same id"),
        ({"channels": (*pwm(1), Channel(1, Role.HOST_PWM, 1000, ""))}, "same role"),
    ],
)
def test_an_identity_that_no_board_can_have_is_refused_by_name(changes, problem):
    with pytest.raises(IdentityError, match=rf"board TEST cannot be used: .*{problem}.*tcxo-flash"):
        parse_payload(build_record(identify(**changes)))


@given(st.text(max_size=100))
def test_no_text_of_a_board_steers_a_terminal_or_forges_a_line(text):
    text = text.encode(errors="ignore").decode()
    (said,) = parse_payload(build_record(Text(text)))
    assert said.text == printable(text)
    assert said.text.isprintable()
    (who,) = parse_payload(build_record(identify(board=text[:40], firmware_version=text[:40])))
    assert (who.board + who.firmware_version).isprintable()


def test_what_is_not_printable_is_written_out():
    assert printable("a\x1b[2J\n\u202e°C") == r"a\x1b[2J\n\u202e°C"


@pytest.mark.parametrize("cut", range(1, 3))
def test_a_length_past_the_end_is_an_error(cut):
    with pytest.raises(ProtocolError, match="past|cut off"):
        parse_payload(build_record(Text("hello"))[:-cut])


def test_a_default_second_stays_well_under_600_bytes():
    pwm = [Edges(2, 0, 0, tuple(n * 1_680_000 for n in range(half, half + 25))) for half in (0, 25)]
    pps = [Edges(channel, 0, 0, (5,)) for channel in (0, 1)]
    counts = tuple(ChannelCounts(n, 0, 0, 0) for n in range(3))
    status = Status(0, 0, 0, 0, None, None, None, counts)
    assert sum(len(build_record(record)) for record in [*pwm, *pps, status]) < 400


def test_bulk_formats_come_from_the_declaration():
    assert struct_of(EDGES_HEAD).size == EDGES_HEAD.sizeof()
    with pytest.raises(TypeError, match="firmware_version"):
        struct_of(IDENTIFY)
    assert set(RECORDS) == set(RecordType)


@given(st.binary(min_size=20, max_size=120))
def test_a_status_is_read_as_it_is_declared(body):
    """The fast parser against construct's, whatever the bytes."""
    try:
        declared = STATUS.parse(body)
    except ConstructError:
        with pytest.raises(ProtocolError):
            parse_body(RecordType.STATUS, body)
        return
    status = parse_body(RecordType.STATUS, body)
    assert (status.uptime_s, status.tick, status.frames_sent) == (
        declared.uptime_s,
        declared.tick,
        declared.frames_sent,
    )
    assert build_record(status) == build_record(Status(**values_of(declared)))


def values_of(declared):
    def cdeg(value):
        return None if value == TEMPERATURE_ABSENT else value / 100

    return {
        "uptime_s": declared.uptime_s,
        "tick": declared.tick,
        "frames_sent": declared.frames_sent,
        "frames_dropped": declared.frames_dropped,
        "mcu_c": cdeg(declared.mcu_cdeg),
        "external_c": cdeg(declared.external_cdeg),
        "supply_v": None if declared.supply_mv == VOLTAGE_ABSENT else declared.supply_mv / 1000,
        "channels": tuple(
            ChannelCounts(c.id, c.edges, c.overcaptures, c.ring_drops) for c in declared.channels
        ),
    }


def test_a_role_of_a_newer_board_has_a_name_too():
    assert [role_name(role) for role in (Role.GPS_PPS, Role.HOST_PWM, 9)] == ["gps_pps", "host_pwm", "role9"]
