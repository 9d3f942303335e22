"""What pages ask of workers."""
