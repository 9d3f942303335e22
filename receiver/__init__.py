"""HTTP in: verifies, stores, answers. Does none of the work that a delivery asks for."""
