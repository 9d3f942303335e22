"""What people are shown of the store, the same on the command line and on pages. Reads only."""
