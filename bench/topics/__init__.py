"""The measurements: one module each, whose `measure` returns a report."""
