"""The edges of the oven: sensors, workers, the daemon's status."""
