"""What people have done, by the command line or by the console: each operation with its lines of the audit."""
