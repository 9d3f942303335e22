"""`remedy keys`: the data keys that seal what is stored in Redis."""
