"""What `mappings check --live` and `remedy init` ask a ServiceNow, and what its answers mean. Sends nothing but GET."""
