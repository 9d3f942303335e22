"""What the doctor asks of Redis: the server, and what is stored in it."""
