"""`remedy purge`: answers a request for deletion."""
