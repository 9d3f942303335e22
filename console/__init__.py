"""The operator's pages: a process of its own that reads what the command line reads, and does what it does."""
