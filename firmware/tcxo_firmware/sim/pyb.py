"""Stand-in for the port's ``pyb``: Timer, Pin, USB_VCP, UART, LED on the simulated world.

Of timers there are TIM2, which captures, and TIM4, which makes the self-test's signal.
"""

from world import WORLD

_ETR_PINS = ("X1", "X6", "A0", "A5", "A15", "PA0", "PA5", "PA15")  # TIM2_ETR, alternate function 1 of each F4


class Pin:
    IN = 0
    ALT = 2
    PULL_NONE = 0
    PULL_DOWN = 2

    def __init__(self, name, mode=IN, pull=PULL_NONE, alt=-1):
        self.name = name
        if mode == self.ALT:
            if not 0 <= alt <= 15:  # as pin_obj_init_helper of ports/stm32/pin.c
                raise ValueError("invalid pin af: %d" % alt)
            if alt == 1 and name in _ETR_PINS:
                WORLD.timer.is_etr_wired = True

    def value(self):
        """The level of an input that is pulled down and that nothing drives."""
        return 0


class Timer:
    """TIM2 captures, TIM4 puts out; each takes the modes that it has registers for."""

    PWM = 0
    IC = 8
    RISING = 0
    FALLING = 2

    def __init__(self, number):
        if number not in (2, 4):
            raise ValueError(f"Timer({number}) doesn't exist")
        self._tim = WORLD.timer if number == 2 else WORLD.output
        self._captures = number == 2

    def init(self, prescaler, period):
        if period > 0x3FFFFFFF:
            raise OverflowError("overflow converting long int to machine word")
        if self._captures:
            self._tim.restart(WORLD.start_tick)
        elif 0 <= prescaler <= 0xFFFF and period <= 0xFFFF:
            self._tim.init(prescaler, period, WORLD.timer.tick)
        else:
            raise ValueError("TIM4 has 16 bits")

    def deinit(self):
        self._tim.stop()

    def period(self, value):
        if value != -1 or not self._captures:
            raise ValueError("the simulated timer counts 32 bits only")

    def source_freq(self):
        return WORLD.tick_hz

    def callback(self, function):
        self._tim.on_update(function)

    def channel(self, number, mode, pin, polarity=RISING, callback=None, pulse_width=0):
        if mode != (self.IC if self._captures else self.PWM) or not isinstance(pin, Pin):
            raise ValueError("invalid mode or pin")
        if self._captures:
            self._tim.on_capture(number, callback)
            return None
        self._tim.open_channel(pulse_width)
        return _OutputChannel(self._tim)


class _OutputChannel:
    def __init__(self, tim):
        self._tim = tim

    def pulse_width(self, width):
        self._tim.write_compare(width)


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
