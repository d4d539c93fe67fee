"""A register-level TIM4 with one PWM output: what the self-test makes its signal with. Runs in both VMs.

What the real one does (RM0090, reference manual of the STM32F405/407, chapter "General-purpose timers (TIM2 to TIM5)":
counter modes, "PWM mode", TIMx_CCMR1; RM0383 says the same of the F411): the counter counts 0 to ARR, a step every
PSC + 1 clocks, and an update event comes where it starts again. PSC is buffered, and so are ARR and CCRx with their
preload bits set: what is written takes effect at the next update event. In PWM mode 1 the output is high while the
counter is below CCRx, so it rises at update events only, and never with CCRx = 0. Writing UG to EGR is an update event
at once. TIM2 and TIM4 hang on the same bus (APB1) of the same PLL: one tick of one is one tick of the other.

What the port makes of it (ports/stm32/timer.c, and HAL_TIM_Base_Init below it): ``init`` writes PSC and ARR, sets UG
and then ARPE, and the counter runs; ``channel`` with PWM writes CCRx before its preload bit, ``pulse_width`` after.
``deinit`` clears CCER and CR1: the output ends at once.

Left out: 16-bit limits (checked in ``pyb``), falling edges, other channels and modes, the nanoseconds of pad, wire and
input filter, which are the same for every edge, and the metastability of an edge that comes just as it is sampled.
"""


class OutputTimer:
    """Ticks are absolute, as TIM2's; ``wire`` has the numbers of the TIM2 channels that the output is joined to."""

    def __init__(self):
        self.wire = ()
        self.next_update = None  # tick of the next update event; None while stopped
        self._period_ticks = 0
        self._compare = 0  # as written
        self._active_compare = 0  # as it works

    def init(self, prescaler, period, tick):
        """PSC and ARR, then UG: the counter starts from 0 at ``tick``, with what was written to CCR."""
        self._period_ticks = (prescaler + 1) * (period + 1)
        self._active_compare = self._compare
        self.next_update = tick + self._period_ticks

    def open_channel(self, compare):
        """CCR, then its preload bit."""
        self._compare = self._active_compare = compare

    def write_compare(self, compare):
        """CCR, which waits for the next update event."""
        self._compare = compare

    def stop(self):
        self.next_update = None
        self._compare = self._active_compare = 0

    def update(self):
        """The update event that is due. True when the output rises."""
        self.next_update += self._period_ticks
        self._active_compare = self._compare
        return self._active_compare > 0
