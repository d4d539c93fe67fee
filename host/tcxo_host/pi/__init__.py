"""The Raspberry Pi itself: its models and clocks, its PWM, its configuration, its health."""
