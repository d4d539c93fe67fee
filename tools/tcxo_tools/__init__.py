"""Developer and flashing tools."""
