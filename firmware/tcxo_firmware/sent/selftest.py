"""The self-test's part on the board: sent to its prompt, run from RAM, gone with the reset that it always ends with.

``run(steps, wanted, output)`` lets the real application capture what another timer puts out:

* ``output``: pin, timer and channel of the signal, as ``board_config`` has them under ``selftest``;
* ``wanted``: ids of the channels that the wire goes to;
* ``steps``: ``(rate_hz, prescaler, period, ms, ticks before a wrap or 0, pause_ms)``. ``period`` is the timer's ARR. In
  the middle of a step with a pause the main loop does not turn for so long; interrupts go on.

What it does is told in text records that begin with ``selftest``:

* ``quiet FROM UNTIL HIGH EDGES...``: before anything was driven, ticks of the counter, whether the pulled-down output
  was ever high, and the edges of each channel. It ends there when something else drives the wire.
* ``step RATE FROM UNTIL PAUSE_MS ID:FIRST:END...``: the signal was on between the two ticks (it came on just before the
  one, and went off just after the other); numbers of the edges that each channel captured meanwhile.
* ``end``, when all has been sent.

Then, as plain text between frames, ``selftest failed`` and why where it broke off, and in any case ``selftest over``:
the application has let go of timer and line, and the reset follows.
"""

import gc
import time

import machine
import pyb

QUIET_TURNS = 44  # of 50 ms: two pulses a second apart fall into it
CNT = 9  # word index of TIM2's counter
REST_MS = 1500  # until all that waits is sent, and a status record after it
LAST_MS = 200  # for the last line
OVER_MS = 300  # for what the USB port still holds


def run(steps, wanted, output):
    try:
        gc.collect()
        _measure(steps, wanted, output)
    except Exception as error:
        print("selftest failed: " + repr(error))
    finally:
        # Whatever happened, Ctrl-C included: the board starts as ever.
        print("selftest over")
        time.sleep_ms(OVER_MS)
        machine.reset()


def _measure(steps, wanted, output):
    from tcxo import app, board

    board.BOARD["stream"] = "usb"
    firmware = app.App()
    capture = firmware.capture
    pin = pyb.Pin(output["pin"], pyb.Pin.IN, pyb.Pin.PULL_DOWN)
    timer = pyb.Timer(output["timer"])

    def spend(ms, is_paused=False):
        start = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), start) < ms:
            if not is_paused:
                firmware.step()
            machine.idle()

    def edges():
        return {channel: count for channel, count, _, _ in firmware.reader.counts()}

    def tell(*what):
        firmware.say("selftest " + " ".join([str(each) for each in what]))

    def is_quiet():
        start = capture.tick()
        is_high = 0
        for _ in range(QUIET_TURNS):
            spend(50)
            is_high |= pin.value()
        seen = edges()
        tell("quiet", start, capture.tick(), is_high, *["%d:%d" % item for item in seen.items()])
        return not is_high and not any(seen[channel] for channel in wanted)

    def play(signal, rate_hz, prescaler, period, ms, before_wrap, pause_ms):
        timer.init(prescaler=prescaler, period=period)
        if before_wrap:
            # Never back: a counter that is as near already wraps first.
            while capture._words[CNT] >= 0xFFFFFFFF - before_wrap:
                spend(50)
            capture._words[CNT] = 0xFFFFFFFF - before_wrap
        first = edges()
        signal.pulse_width((period + 1) // 2)
        start = capture.tick()
        spend(ms // 2)
        spend(pause_ms, True)
        spend(ms - ms // 2)
        until = capture.tick()
        signal.pulse_width(0)
        spend(1000 // rate_hz + 100)
        end = edges()
        tell(
            "step",
            rate_hz,
            start,
            until,
            pause_ms,
            *["%d:%d:%d" % (channel, first[channel], end[channel]) for channel in first],
        )
        return any(end[channel] != first[channel] for channel in wanted)

    try:
        if is_quiet():
            timer.init(prescaler=steps[0][1], period=steps[0][2])
            signal = timer.channel(output["channel"], pyb.Timer.PWM, pin=pin, pulse_width=0)
            for step in steps:
                if not play(signal, *step):
                    break
        spend(REST_MS)
        tell("end")
        spend(LAST_MS)
    finally:
        timer.deinit()
        pyb.Pin(output["pin"], pyb.Pin.IN)
        firmware.leave()
