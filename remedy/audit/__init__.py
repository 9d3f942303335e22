"""`remedy audit`: who did what, what was decided, and whether that trail is whole."""
