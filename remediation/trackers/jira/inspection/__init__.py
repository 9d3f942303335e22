"""What `mappings check --live` asks a Jira, and what its answers mean. Sends nothing but GET."""
