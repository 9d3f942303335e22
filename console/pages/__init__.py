"""The pages, one module for each subject: its `ROUTES`, and a `TITLE` where the first is one of the navigation."""
