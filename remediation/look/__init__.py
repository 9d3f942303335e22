"""A look at one case: read the outside, carry out the plan, and say how it went."""
