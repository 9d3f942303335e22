"""Metrics, traces and reports of errors of a process."""
