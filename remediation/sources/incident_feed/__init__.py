"""The incident feed as a source of incidents: the only package that knows its page and reads XML."""
