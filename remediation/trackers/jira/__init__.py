"""Jira as a tracker: the only package that knows the library `jira`."""
