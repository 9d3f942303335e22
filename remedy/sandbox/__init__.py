"""`remedy sandbox`."""
