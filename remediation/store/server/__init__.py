"""The Redis server: connections, rights, errors, and whether it keeps what it is told."""
