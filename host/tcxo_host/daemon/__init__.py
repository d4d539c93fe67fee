"""Link, edges, estimate and publish joined: the running daemon."""
