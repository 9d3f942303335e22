"""`remedy parked`: work that was set aside."""
