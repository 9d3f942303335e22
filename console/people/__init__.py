"""Who looks at the pages, and what each may see and do."""
