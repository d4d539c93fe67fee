"""Stand-in for the port's ``pyb``: Timer, Pin, USB_VCP, UART, LED on the simulated world."""

from world import WORLD


class Pin:
    def __init__(self, name):
        self.name = name


class Timer:
    IC = 8
    RISING = 0
    FALLING = 2

    def __init__(self, number):
        if number != 2:
            raise ValueError(f"Timer({number}) doesn't exist")
        self._tim = WORLD.timer

    def init(self, prescaler, period):
        if period > 0x3FFFFFFF:
            raise OverflowError("overflow converting long int to machine word")
        self._tim.restart(WORLD.start_tick)

    def deinit(self):
        self._tim.stop()

    def period(self, value):
        if value != -1:
            raise ValueError("the simulated timer counts 32 bits only")

    def source_freq(self):
        return WORLD.tick_hz

    def callback(self, function):
        self._tim.on_update(function)

    def channel(self, number, mode, pin, polarity, callback):
        if mode != self.IC or not isinstance(pin, Pin):
            raise ValueError("invalid mode or pin")
        self._tim.on_capture(number, callback)


class USB_VCP:
    """The serial line: the parent's pipes, with a buffer of the port's size in between."""

    def isconnected(self):
        return WORLD.is_connected

    def any(self):
        return WORLD.has_input()

    def read(self, count):
        return WORLD.take_input(count)

    def send(self, data, timeout=5000):
        return WORLD.send(data)


class UART:
    """The same line, on which it is not known whether anything reads; what is not read is lost.

    A write returns when its bytes are out, ten bit times each, as ``uart_tx_data`` of ports/stm32/uart.c does;
    interrupts go on meanwhile. The real one gives up after ``timeout`` ms, and returns with its last byte still
    under way.
    """

    def __init__(self, number, baud, timeout, read_buf_len):
        self._baud = baud
        WORLD.idle_ms = 1  # of a write a turn, what lies between the turns counts

    def any(self):
        return len(WORLD.peek_input())

    def read(self, count):
        if count > self.any():
            raise OSError("the real one waits for its timeout here")
        return WORLD.take_input(count)

    def write(self, data):
        WORLD.transmit(data)
        WORLD.pass_time(len(data) * 10 * WORLD.tick_hz // self._baud)
        return len(data)


class LED:
    def __init__(self, number):
        self.number = number

    def on(self):
        WORLD.leds |= 1 << self.number

    def off(self):
        WORLD.leds &= ~(1 << self.number)


class ADCAll:
    def __init__(self, bits, mask):
        pass

    def read_vref(self):
        return WORLD.supply_mv / 1000

    def read_core_temp(self):
        return WORLD.mcu_cdeg / 100


class ADC:
    """A TMP36 on a 12-bit converter: 500 mV at 0 degC, 10 mV a degree."""

    def __init__(self, pin):
        pass

    def read(self):
        millivolt = 500 + WORLD.external_cdeg / 10
        return max(0, min(4095, round(millivolt * 4095 / WORLD.supply_mv)))
