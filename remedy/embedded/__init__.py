"""The Redis-compatible server that comes with the package, for laptops and tests."""
