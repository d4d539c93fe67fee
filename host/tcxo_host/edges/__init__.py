"""Records in, seconds of edges out."""
