"""The trackers: one adapter per kind, the only code that knows its library."""
