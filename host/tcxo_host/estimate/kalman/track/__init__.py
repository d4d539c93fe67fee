"""From the edges of a second to measurements of a clock: start, gate, restart. Pure."""
