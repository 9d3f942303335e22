"""What people are told of cases and of parked work, the same on the command line and on pages. Reads only."""
