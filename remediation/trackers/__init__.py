"""Where tickets live: one adapter per kind of tracker, and nothing else that knows its library."""
