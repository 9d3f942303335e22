"""What `mappings check --live` and `remedy init` ask a Jira, and what its answers mean. Sends nothing but GET."""
