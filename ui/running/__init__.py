"""Running networks: the queue, waiting in it, and caches of what comes out."""
