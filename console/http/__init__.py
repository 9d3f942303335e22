"""What stands around every page: ids, headers, limits, and who is let in. Plain ASGI."""
