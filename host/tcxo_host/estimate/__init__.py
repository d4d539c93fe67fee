"""Estimators: a board second of edges in, the clocks' frequency errors out. Pure."""
