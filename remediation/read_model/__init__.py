"""What people are told of cases, parked work and the service, the same on the command line and on pages. Reads only."""
