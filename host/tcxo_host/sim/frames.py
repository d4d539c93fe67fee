"""What a board sends for a simulated second, made on the host at full speed: records and frames. Pure.

The bytes mean what the firmware's mean: edges in two flushes a second, the second of them right before
the status record that closes it, identify at every start. Reboots and unplugged lines are carried out
here, to whole seconds; noise on the line is for whoever owns a line.
"""

from __future__ import annotations

import math

import numpy as np
from tcxo_firmware import firmware_version
from tcxo_protocol.framing import encode_frame
from tcxo_protocol.records import Channel, ChannelCounts, Identify, Status, build_record
from tcxo_protocol.spec import EDGES_HEAD, RECORD_HEAD, RecordType, Role, struct_of

from .world import WorldSecond

__all__ = ["FrameSource"]

_EDGES = struct_of(EDGES_HEAD)
_RECORD = struct_of(RECORD_HEAD)
_DELTA = np.dtype("<u4")

_CHANNELS = {
    Role.GPS_PPS.label: Channel(0, Role.GPS_PPS, 1000, "A0"),
    Role.RTC_PPS.label: Channel(1, Role.RTC_PPS, 1000, "A1"),
    Role.HOST_PWM.label: Channel(2, Role.HOST_PWM, 50_000, "A2"),
}
_REF = {Role.REF_PPS.label: Channel(3, Role.REF_PPS, 1000, "A3")}


class FrameSource:
    """A board that has sent nothing yet; every ``payloads`` call is the next second of its life."""

    def __init__(
        self, tick_hz: int, boot_id: int = 1, board: str = "SIMULATED", has_ref: bool = False
    ) -> None:
        self._channels = _CHANNELS | (_REF if has_ref else {})
        self._tick_hz = tick_hz
        self._boot_id = boot_id
        self._board = board
        self._version = firmware_version()
        self._offset = 0
        self._numbers = dict.fromkeys(self._channels, 0)
        self._uptime_s = 0
        self._identify_due = True
        self._away_until_s = 0
        self._unplugged_until_s = 0
        self._sent = 0
        self._seq = 0

    def payloads(self, second: WorldSecond) -> list[bytes]:
        """The frames' payloads of this second, in order; none while the board or the line is away."""
        for event in second.events:
            back_s = second.index + max(1, math.ceil(event.duration_s))
            if event.kind == "reboot":
                self._restart(back_s)
            elif event.kind == "unplug":
                self._unplugged_until_s = back_s
                self._identify_due = True
        if second.index < self._away_until_s:
            self._offset = second.tick_end
            return []
        self._uptime_s += 1
        start = second.tick_end - self._tick_hz // 2
        payloads = [self._edges(second, None, start), self._edges(second, start, None)]
        payloads = [p for p in payloads if p] + [build_record(self._status(second))]
        self._sent += len(payloads)
        if second.index < self._unplugged_until_s:
            return []
        if self._identify_due:
            self._identify_due = False
            payloads.insert(0, build_record(self._identify()))
        return payloads

    def frames(self, second: WorldSecond) -> bytes:
        """This second as bytes on the serial line."""
        line = bytearray()
        for payload in self.payloads(second):
            line += encode_frame(self._seq, payload)
            self._seq += 1
        return bytes(line)

    def _restart(self, back_s: int) -> None:
        self._away_until_s = back_s
        self._boot_id += 1
        self._identify_due = True
        self._uptime_s = self._sent = self._seq = 0
        self._numbers = dict.fromkeys(self._channels, 0)

    def _edges(self, second: WorldSecond, start: int | None, end: int | None) -> bytes:
        """Edges records of all channels with ``start`` <= tick < ``end``."""
        parts = []
        for role, channel in self._channels.items():
            all_ticks = second.edges[role]
            first = 0 if start is None else int(np.searchsorted(all_ticks, start))
            last = len(all_ticks) if end is None else int(np.searchsorted(all_ticks, end))
            ticks = all_ticks[first:last]
            if len(ticks) == 0:
                continue
            deltas = np.diff(ticks).astype(_DELTA).tobytes()
            parts.append(_RECORD.pack(RecordType.EDGES, _EDGES.size + len(deltas)))
            parts.append(_EDGES.pack(channel.id, 0, self._numbers[role], int(ticks[0]) - self._offset))
            parts.append(deltas)
            self._numbers[role] = (self._numbers[role] + len(ticks)) & 0xFFFFFFFF
        return b"".join(parts)

    def _identify(self) -> Identify:
        return Identify(
            boot_id=self._boot_id,
            reset_cause=1,
            tick_hz=self._tick_hz,
            counter_bits=32,
            firmware_version=self._version,
            board=self._board,
            micropython_version="1.26.0",
            channels=tuple(self._channels.values()),
        )

    def _status(self, second: WorldSecond) -> Status:
        return Status(
            uptime_s=self._uptime_s,
            tick=second.tick_end - self._offset,
            frames_sent=self._sent & 0xFFFFFFFF,
            frames_dropped=0,
            mcu_c=None,
            external_c=second.temperature_c,
            supply_v=3.3,
            channels=tuple(
                ChannelCounts(channel.id, self._numbers[role], 0, 0)
                for role, channel in self._channels.items()
            ),
        )
