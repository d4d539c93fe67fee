"""The joint filter: what clocks do between two moments, and what measurements make of it. Pure."""
