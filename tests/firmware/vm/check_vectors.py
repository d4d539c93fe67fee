"""In MicroPython: the device's own builder gives the golden frames; the bad ones fail its CRC or COBS."""

import json
import struct
import sys
from binascii import crc32, unhexlify

sys.modules["machine"] = type("machine", (), {"reset_cause": staticmethod(lambda: 0)})

from tcxo import board, layout, reports, ring, wire  # noqa: E402

reports.LONGEST_TEXT = wire.MAX_PAYLOAD  # the board's own limit is not the protocol's


def build(builder, record):
    kind = record["kind"]
    if kind == "identify":
        identity = reports.Identity(
            record["channels"], record["tick_hz"], record["boot_id"], record["reset_cause"]
        )
        board.BOARD["name"] = record["board"]
        board.ROLES = {channel["role"]: channel["role"] for channel in record["channels"]}
        board.micropython_version = lambda: record["micropython_version"]
        reports.SOURCE_CRC32 = record["firmware_crc32"]
        identity.write(builder)
    elif kind == "edges":
        build_edges(builder, record)
    elif kind == "status":
        counts = [(c["id"], c["edges"], c["overcaptures"], c["ring_drops"]) for c in record["channels"]]
        sensors = (
            -0x8000 if record["mcu_c"] is None else round(record["mcu_c"] * 100),
            -0x8000 if record["external_c"] is None else round(record["external_c"] * 100),
            0xFFFF if record["supply_v"] is None else round(record["supply_v"] * 1000),
        )
        sent, dropped = record["frames_sent"], record["frames_dropped"]
        reports.write_status(builder, record["uptime_s"], record["tick"], sent, dropped, sensors, counts)
    else:
        assert reports.write_text(builder, record["text"].encode()) == b""


def build_edges(builder, record):
    """As the main loop does: from ring entries."""
    size = 64
    entries, chan = layout.new_ring(size), layout.new_chan(record["channel"], size)
    reader = ring.RingReader([entries], [chan])
    captured = (record["number"] + len(record["ticks"])) & 0xFFFFFFFF
    chan[4] = captured & 0xFFFF
    chan[5] = captured >> 16
    flags = record["flags"]
    for index, tick in enumerate(record["ticks"]):
        number = (record["number"] + index) & 0xFFFF
        struct.pack_into("<QHH", entries, index * layout.ENTRY_BYTES, tick, flags, number)
        flags = 0
    chan[11] = len(record["ticks"])
    reader.mark()
    assert reader.drain(builder)


def unstuff(chunk):
    """COBS decoded, or None."""
    out = bytearray()
    position = 0
    while position < len(chunk):
        code = chunk[position]
        block = chunk[position + 1 : position + code]
        if code == 0 or len(block) != code - 1:
            return None
        out.extend(block)
        position += code
        if code < 255 and position < len(chunk):
            out.append(0)
    return out


def is_intact(chunk):
    whole = unstuff(chunk)
    return (
        whole is not None
        and len(whole) >= 6
        and struct.unpack_from("<I", whole, len(whole) - 4)[0] == crc32(bytes(whole[:-4])) & 0xFFFFFFFF
    )


with open("vectors.json") as stream:
    vectors = json.load(stream)
builder = wire.FrameBuilder()
for vector in vectors["good"]:
    builder._seq = vector["seq"]
    builder.begin()
    if [record for record in vector["records"] if record.get("protocol_minor", 2) < 2]:
        # Of an earlier version of the firmware, which a host must still read.
        assert is_intact(unhexlify(vector["frame"])[:-1]), vector["name"]
        continue
    for record in vector["records"]:
        build(builder, record)
    frame = bytes(builder.finish())
    expected = unhexlify(vector["frame"])
    assert frame == expected, (vector["name"], frame, expected)
    assert is_intact(frame[:-1]), vector["name"]
for vector in vectors["bad"]:
    assert not is_intact(unhexlify(vector["bytes"])[:-1]), vector["name"]
print(f"checked {len(vectors['good'])} good and {len(vectors['bad'])} bad")
