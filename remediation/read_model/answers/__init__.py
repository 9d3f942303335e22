"""What workers answer to questions of the console: values that may be shown as they are (ids, codes, counts, times)."""
