"""From the file to its values: errors and warnings tell line and column."""
