"""A stand-in for SchoolScan."""
