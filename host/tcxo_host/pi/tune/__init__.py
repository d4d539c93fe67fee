"""A quiet machine: what disturbs the clock from inside the Pi, point by point, with undo."""
