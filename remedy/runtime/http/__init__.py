"""Serving HTTP in a process: the server, the guard of its port, and the health check that asks it."""
