"""SchoolScan as a source of findings: the only package that knows its API."""
