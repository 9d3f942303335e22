"""A stand-in for Jira."""
