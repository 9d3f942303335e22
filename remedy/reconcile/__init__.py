"""`remedy reconcile`: look at everything again."""
