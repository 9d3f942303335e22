"""Where Redis holds what must not be lost: one file per promise."""
