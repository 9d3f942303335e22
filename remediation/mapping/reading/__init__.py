"""From the file to its values; errors and warnings have line and column."""
