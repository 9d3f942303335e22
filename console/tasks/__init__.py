"""What people confirm on pages, and how it is done."""
