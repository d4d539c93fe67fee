"""The main loop: ring to records to the ways out, commands back in."""

from time import ticks_add, ticks_diff, ticks_ms

import machine

from tcxo import board, reports
from tcxo.capture import Capture
from tcxo.ring import ENTRIES_PER_FRAME, RingReader
from tcxo.serial import SerialLink, UartPort, UsbPort
from tcxo.wire import FrameBuilder

RING_ENTRIES = 256  # 4.9 s of 52 edges a second
FLUSH_MS = 500
STATUS_MS = 1000
IDENTIFY_S = 30  # for a line that can only be listened to

_LONGEST_TEXT_QUEUE = 8


class App:
    """Everything between interrupt code and the wire. ``step`` is one turn of the loop."""

    def __init__(self):
        channels = board.enabled_channels()
        self.capture = Capture(channels, RING_ENTRIES)
        self.reader = RingReader(self.capture.ring, self.capture.ctl, self.capture.chans)
        self.identity = reports.Identity(channels, self.capture.tick_hz, board.boot_id(), board.reset_cause())
        self.builder = FrameBuilder()
        stream = board.BOARD.get("stream", "usb")
        self.link = SerialLink(UsbPort() if stream == "usb" else UartPort(stream[0], stream[1]))
        self.is_streaming = True
        self.is_leaving = False
        self.frames_sent = 0
        self.frames_dropped = 0
        self.uptime_s = 0
        self._owe_identify = True
        self._owe_status = False
        self._texts = []
        self._status_at = ticks_add(ticks_ms(), STATUS_MS)
        self._flush_at = ticks_add(ticks_ms(), FLUSH_MS)
        self._flush_due = False
        self.say("started: " + board.BOARD["name"])
        if board.BOARD["tick_hz"] != self.capture.tick_hz:
            told = board.BOARD["tick_hz"]
            self.say(f"counter runs at {self.capture.tick_hz} Hz, board_config says {told}")

    def say(self, text):
        """Queue a line for people; the oldest goes when nobody reads."""
        self._texts.append(text.encode())
        if len(self._texts) > _LONGEST_TEXT_QUEUE:
            self._texts.pop(0)

    def step(self):
        if self.link.connection_began():
            self._owe_identify = True
        for line in self.link.commands():
            self._obey(line)
        self._keep_time()
        self.link.pump()
        if self.link.was_connected:
            self._send_next()
        else:
            self.reader.discard(self.reader.waiting())
            self._flush_due = False
            if self._owe_status:
                self._owe_status = False
                self.frames_dropped += 1

    def _keep_time(self):
        now = ticks_ms()
        if ticks_diff(now, self._flush_at) >= 0:
            self._flush_at = ticks_add(self._flush_at, FLUSH_MS)
            self._flush_due = True
        late = ticks_diff(now, self._status_at)
        if late >= 0:
            seconds = 1 + late // STATUS_MS
            self._status_at = ticks_add(self._status_at, seconds * STATUS_MS)
            # Flush half-way between two status records.
            self._flush_at = ticks_add(self._status_at, -FLUSH_MS)
            if (self.uptime_s + seconds) // IDENTIFY_S > self.uptime_s // IDENTIFY_S:
                self._owe_identify = True
            self.uptime_s += seconds
            if self.is_streaming:
                if self._owe_status:
                    self.frames_dropped += 1
                self._owe_status = True

    def _send_next(self):
        """Send frames for as long as the port takes them whole."""
        while not self.link.is_busy():
            self.builder.begin()
            if self._owe_identify:
                self._owe_identify = False
                self.identity.write(self.builder)
            elif self._texts:
                rest = reports.write_text(self.builder, self._texts[0])
                if rest:
                    self._texts[0] = rest
                else:
                    self._texts.pop(0)
            elif not self.is_streaming:
                self.reader.discard(self.reader.waiting())
                self._flush_due = False
                if not self._owe_status:
                    return
                self._write_edges_and_status()
            elif self._owe_status or self._flush_due:
                self._write_edges_and_status()
            else:
                return
            if not self.builder.is_empty():
                self.frames_sent += 1
                self.link.send(self.builder.finish())

    def _write_edges_and_status(self):
        # The tick first: every edge up to it is in the ring now, and goes out before it.
        tick = self.capture.tick()
        waiting = self.reader.waiting()
        entries = min(waiting, ENTRIES_PER_FRAME)
        self.reader.drain(self.builder, entries)
        if entries < waiting:
            return
        self._flush_due = False
        if self._owe_status:
            self._owe_status = False
            reports.write_status(
                self.builder,
                self.uptime_s,
                tick,
                self.frames_sent,
                self.frames_dropped,
                (reports.TEMPERATURE_ABSENT, reports.TEMPERATURE_ABSENT, reports.VOLTAGE_ABSENT),
                self.reader.counts(),
            )

    def _obey(self, line):
        if line == b"id":
            self._owe_identify = True
        elif line == b"status":
            self._owe_status = True
        elif line == b"stream on":
            self.is_streaming = True
            self._owe_identify = True
        elif line == b"stream off":
            self.is_streaming = False
        elif line == b"repl":
            self.is_leaving = True
        else:
            self.say("unknown command: " + repr(line)[1:])


def run():
    """Capture and stream until ``repl`` or Ctrl-C."""
    app = App()
    try:
        while not app.is_leaving:
            app.step()
            machine.idle()
    except KeyboardInterrupt:
        pass
    app.capture.close()
