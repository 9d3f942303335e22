"""What `mappings check --live` asks a ServiceNow, and what its answers mean. Sends nothing but GET."""
