"""`remedy doctor`: one module for each area that it looks at, and what they all return."""
