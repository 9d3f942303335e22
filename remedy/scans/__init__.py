"""`remedy scans`: the scans of a district's account at SchoolScan."""
