"""Identify, status and text records: what the board says about itself."""

from tcxo import SOURCE_CRC32, VERSION, board, wire

COUNTER_BITS = 32
TEMPERATURE_ABSENT = -0x8000
VOLTAGE_ABSENT = 0xFFFF
LONGEST_TEXT = 200  # bytes a record; fits an I2C slot


class Identity:
    """Constant from start to restart."""

    def __init__(self, channels, tick_hz, boot_id, reset_cause):
        self._channels = channels
        self._tick_hz = tick_hz
        self.boot_id = boot_id
        self._reset_cause = reset_cause

    def write(self, builder):
        builder.open(wire.IDENTIFY)
        builder.put("<BBI", wire.PROTOCOL_MAJOR, wire.PROTOCOL_MINOR, self.boot_id)
        builder.put("<BIB", self._reset_cause, self._tick_hz, COUNTER_BITS)
        builder.put_string(VERSION)
        builder.put_string(board.BOARD["name"])
        builder.put_string(board.micropython_version())
        builder.put("<B", len(self._channels))
        for channel in self._channels:
            builder.put("<BBI", channel["id"], board.ROLES[channel["role"]], channel["rate_mhz"])
            builder.put_string(channel["pin"])
        builder.put("<I", SOURCE_CRC32)
        builder.close()


def write_status(builder, uptime_s, tick, frames_sent, frames_dropped, sensors, counts):
    """``sensors``: MCU and external 0.01 degC, supply mV; ``counts`` as RingReader.counts gives."""
    mcu_cdeg, external_cdeg, supply_mv = sensors
    builder.open(wire.STATUS)
    builder.put("<IQ", uptime_s & 0xFFFFFFFF, tick)
    builder.put("<II", frames_sent & 0xFFFFFFFF, frames_dropped & 0xFFFFFFFF)
    builder.put("<hhH", mcu_cdeg, external_cdeg, supply_mv)
    builder.put("<B", len(counts))
    for channel, edges, overcaptures, drops in counts:
        builder.put("<BIII", channel, edges, overcaptures, drops)
    builder.close()


def write_text(builder, data):
    """One text record of at most what a frame holds; returns the rest of ``data`` (bytes)."""
    room = min(builder.room() - 3, LONGEST_TEXT)
    # Never cut inside a UTF-8 character.
    end = min(room, len(data))
    while 0 < end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    builder.open(wire.TEXT)
    builder.put_bytes(data[:end])
    builder.close()
    return data[end:]
