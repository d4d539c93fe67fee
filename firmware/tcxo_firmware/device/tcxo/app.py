"""The main loop: rings to records to the ways out, commands back in."""

from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

import machine
import micropython

from tcxo import board, crash, reports
from tcxo.capture import Capture
from tcxo.clock import ClockWatch
from tcxo.health import WATCHDOG_MS, Lights, Sensors, Watchdog
from tcxo.pages import MEMORY_BYTES, Pages
from tcxo.ring import ENTRIES_PER_FRAME, RingReader
from tcxo.serial import SerialLink, UartPort, UsbPort
from tcxo.wire import FrameBuilder

RING_ENTRIES = 256  # of each channel: 5.1 s of 50 edges a second
FRAMES_A_TURN = 16  # then time, commands and watchdog have their turn
FLUSH_MS = 500
STATUS_MS = 1000
IDENTIFY_S = 10  # for a line that can only be listened to
GPS_QUIET_S = 3
TEXT_WAIT_S = 60  # what the start has to say waits that long for a serial reader
CRASH_PAUSE_MS = 5000
SOUND_S = 60  # who ran that long has got over the last crash
LEAVE_TURNS = 500  # of a millisecond each

_LONGEST_TEXT_QUEUE = 8


class App:
    """Everything between interrupt code and the wire. ``step`` is one turn of the loop."""

    def __init__(self):
        channels = board.enabled_channels()
        clock = board.BOARD.get("clock")
        self.capture = Capture(channels, RING_ENTRIES, clock)
        self._clock = ClockWatch(clock, self.capture.tick_hz) if clock else None
        # Without its clock the board tells nothing that could be taken for measurements, not even who it is.
        self._is_counting = not clock
        self.reader = RingReader(self.capture.rings, self.capture.chans)
        self.identity = reports.Identity(channels, self.capture.tick_hz, board.boot_id(), board.reset_cause())
        self.builder = FrameBuilder()
        self.sensors = Sensors(board.BOARD)
        self.lights = Lights(board.BOARD.get("leds", {}))
        self.pages = None
        self._target = None
        stream = board.BOARD.get("stream", "usb")
        self.link = SerialLink(UsbPort() if stream == "usb" else UartPort(stream[0], stream[1]))
        self.is_streaming = True
        self.is_leaving = False
        self.frames_sent = 0
        self.frames_dropped = 0
        self.uptime_s = 0
        self._owe_identify = True
        self._owe_status = False
        self._closing = None  # tick and counts of the status record that comes when the marked edges are out
        self._texts = []
        self._status_at = ticks_add(ticks_ms(), STATUS_MS)
        self._flush_at = ticks_add(ticks_ms(), FLUSH_MS)
        self._flush_due = False
        self._gps = [index for index, channel in enumerate(channels) if channel["role"] == "gps_pps"]
        self._gps_edges = 0
        self._gps_quiet_s = GPS_QUIET_S
        for line in crash.lines():
            self.say("crashed before: " + line)
        self.say("started: " + board.BOARD["name"])
        if self._is_counting:
            self._open_i2c()
        if board.BOARD["tick_hz"] != self.capture.tick_hz:
            told = board.BOARD["tick_hz"]
            self.say(f"counter runs at {self.capture.tick_hz} Hz, board_config says {told}")
        # Last: who cannot start has nobody to feed it at the REPL.
        self.watchdog = Watchdog(board.BOARD.get("watchdog_ms", WATCHDOG_MS))

    def _open_i2c(self):
        i2c = board.BOARD.get("i2c")
        if not i2c:
            return
        try:
            memory = bytearray(MEMORY_BYTES)
            self._target = machine.I2CTarget(i2c["bus"], i2c["address"], mem=memory, mem_addrsize=16)
        except (AttributeError, ValueError) as error:
            # Firmware before v1.26, or a bus this board has not.
            self.say(f"no I2C: {error}")
            return
        self.pages = Pages(memory, self.identity.boot_id)
        self._identify_builder = FrameBuilder()
        self.identity.write(self._identify_builder)
        self.pages.set_identify(self._identify_builder.payload())

    def _is_i2c_read(self):
        """A controller has been seen: it left a register address other than the first."""
        return self._target is not None and self._target.memaddr != 0

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
        if not self._is_counting:
            self._discard()
            self._owe_status = False
        self.link.pump()
        if self.link.was_connected or self.pages:
            self._send_next()
        else:
            self._discard()
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
            if self.uptime_s < SOUND_S <= self.uptime_s + seconds:
                crash.forget()
            self.uptime_s += seconds
            if self._clock:
                self._look_after_clock(self._clock, now)
            self._look_after_board()
            if self.is_streaming:
                if self._owe_status:
                    self.frames_dropped += 1
                self._owe_status = True

    def _look_after_clock(self, clock, now):
        has_counted = clock.has_counted
        fault = clock.look(self.capture.tick(), now)
        if fault:
            self.say(fault)
        if clock.is_counting and not self._is_counting:
            if has_counted:
                # How long the counter stood nobody knows: whoever reads must see a new start.
                machine.reset()
            self._open_i2c()
        self._is_counting = clock.is_counting

    def _look_after_board(self):
        counts = self.reader.counts()
        gps_edges = sum([counts[index][1] for index in self._gps])
        self._gps_quiet_s = 0 if gps_edges != self._gps_edges else self._gps_quiet_s + 1
        self._gps_edges = gps_edges
        faults = sum([overcaptures + drops for _, _, overcaptures, drops in counts])
        is_read = self.link.was_connected and not self.link.is_busy()
        is_read = (is_read or self.pages is not None) and self._is_counting
        self.lights.show(is_read, self._gps_quiet_s < GPS_QUIET_S, faults, not self._is_counting)
        # A restart brings no clock from outside back.
        self.watchdog.feed(self.uptime_s if self._clock else self.capture.tick())

    def _discard(self):
        self.reader.discard()
        self._flush_due = False
        self._closing = None

    def _send_next(self):
        """Send a turn's frames, for as long as the port takes them whole.

        With an I2C controller reading, the rings are emptied in time whatever the serial reader does: frames that it
        has no room for are dropped and counted. Without, edges wait in their rings for a slow reader.
        """
        for _ in range(FRAMES_A_TURN):
            if self.link.is_busy() and not self._is_i2c_read():
                return
            self.builder.begin()
            # A status record that is due goes first: answers to commands without end must not hold it up.
            may_answer = not self._owe_status
            if self._owe_identify and may_answer and self._is_counting:
                self._owe_identify = False
                self.identity.write(self.builder)
                self._put_on_line()  # the pages have it for good
                continue
            elif self._texts and may_answer and (self.link.was_connected or self.uptime_s >= TEXT_WAIT_S):
                rest = reports.write_text(self.builder, self._texts[0])
                if rest:
                    self._texts[0] = rest
                else:
                    self._texts.pop(0)
            else:
                if not self.is_streaming:
                    self._discard()
                if not self._has_edges_to_send():
                    return
                self._write_edges_and_status()
            if not self.builder.is_empty():
                self._put_out()

    def _has_edges_to_send(self):
        # A whole frame of edges does not wait for the next flush: at 500 edges a second a ring would be full by then.
        return self._owe_status or self._flush_due or self.reader.waiting() >= ENTRIES_PER_FRAME

    def _put_out(self):
        if self.pages:
            self.pages.push(self.builder.payload())
        self._put_on_line()

    def _put_on_line(self):
        if not self.link.was_connected:
            return
        if self.link.is_busy():
            self.frames_dropped += 1
        else:
            self.frames_sent += 1
            self.link.send(self.builder.finish())

    def _write_edges_and_status(self):
        """A frame of edges. A status record follows when those are out that were captured before it was begun, however
        many have come since: a second closes even where edges come faster than they can be sent."""
        if self._closing is None:
            if self._owe_status:
                # The tick first: every edge up to it is in its ring now, and goes out before it.
                self._closing = (self.capture.tick(), self.reader.counts())
            self.reader.mark()
        if not self.reader.drain(self.builder):
            return
        self._flush_due = False
        if self._closing:
            tick, counts = self._closing
            self._closing = None
            self._owe_status = False
            reports.write_status(
                self.builder,
                self.uptime_s,
                tick,
                self.frames_sent,
                self.frames_dropped,
                self.sensors.read(),
                counts,
            )

    def leave(self):
        """Stop capturing, and let the last frame out whole."""
        self.capture.close()
        for _ in range(LEAVE_TURNS):
            if not self.link.is_busy():
                break
            self.link.pump()
            machine.idle()
        self.watchdog.feed_from_now_on()

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
    """Capture and stream until ``repl`` or Ctrl-C, which lead to the REPL. A crash restarts the board."""
    if hasattr(micropython, "alloc_emergency_exception_buf"):
        micropython.alloc_emergency_exception_buf(100)
    app = None
    try:
        app = App()
        while True:
            app.step()
            if app.is_leaving:
                break
            machine.idle()
    except KeyboardInterrupt:
        pass
    except Exception as error:
        crash.write(error)
        try:
            # Long enough for Ctrl-C, short enough for the watchdog.
            sleep_ms(CRASH_PAUSE_MS)
            machine.reset()
        except KeyboardInterrupt:
            pass
    if app:
        app.leave()
