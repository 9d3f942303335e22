"""`remedy backfill`: the findings that an account at SchoolScan had before remedy came to it."""
