"""``tcxo-flash --selftest``: a board measures a signal of its own, and the host says whether every edge was right."""
