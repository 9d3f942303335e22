"""`remedy doctor`: one module for each area that it checks, and the values that they return."""
