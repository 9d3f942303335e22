"""`remedy report`: reports about cases, made of what is in Redis."""
