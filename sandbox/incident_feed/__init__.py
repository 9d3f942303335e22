"""A stand-in for the vendor's read-only feed of incidents."""
