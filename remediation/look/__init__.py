"""A look at one case: observe its subject and its tickets, carry out the plan, and say what was done."""
