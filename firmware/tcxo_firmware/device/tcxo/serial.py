"""The serial way out: frames that never wait for a slow reader, command lines back in."""

import pyb


class UsbPort:
    """USB CDC. A write takes what fits the port's buffer and returns at once."""

    def __init__(self):
        self._vcp = pyb.USB_VCP()

    def is_connected(self):
        return self._vcp.isconnected()

    def read(self):
        return self._vcp.read(64) if self._vcp.any() else b""

    def write(self, data):
        # Not write(): without flow control that waits up to 500 ms a byte for a reader.
        return self._vcp.send(data, timeout=0)


class UartPort:
    """A UART with nobody's presence to be known: always connected. A write blocks for its bytes' time."""

    _CHUNK = 64  # bytes a turn of the loop: 6 ms at 115200 baud

    def __init__(self, number, baud):
        self._uart = pyb.UART(number, baud, timeout=100, read_buf_len=128)

    def is_connected(self):
        return True

    def read(self):
        # No more than is there: for the rest it would wait.
        count = self._uart.any()
        return self._uart.read(count) if count else b""

    def write(self, data):
        return self._uart.write(data[: self._CHUNK]) or 0


class SerialLink:
    """Sends one frame at a time over a port, and collects command lines from it."""

    _LONGEST_LINE = 64

    def __init__(self, port):
        self._port = port
        self._pending = b""
        self._line = bytearray()
        self.was_connected = False

    def connection_began(self):
        """True once each time a reader appears. Starts the line with a lone delimiter."""
        is_connected = self._port.is_connected()
        began = is_connected and not self.was_connected
        self.was_connected = is_connected
        if began:
            # What is left of a frame begun for an earlier reader is of no use to this one.
            self._pending = b"\0"
            self._line = bytearray()
        return began

    def is_busy(self):
        return len(self._pending) > 0

    def send(self, frame):
        """Take the next frame (a view that stays valid while ``is_busy``)."""
        self._pending = frame
        self.pump()

    def pump(self):
        """Write what the port takes of the pending frame."""
        if self._pending and self.was_connected:
            written = self._port.write(self._pending)
            if written:
                self._pending = self._pending[written:]

    def commands(self):
        """Command lines completed since the last call, without line ends; blank ones are left out."""
        lines = []
        data = self._port.read() or b""
        for value in data:
            if value in (10, 13):
                if self._line:
                    lines.append(bytes(self._line))
                self._line = bytearray()
            elif value >= 32 and len(self._line) < self._LONGEST_LINE:  # mpremote leaves a Ctrl-B behind
                self._line.append(value)
        return lines
