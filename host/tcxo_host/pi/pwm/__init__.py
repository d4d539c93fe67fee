"""The 50 Hz at a header pin."""
