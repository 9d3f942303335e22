"""mappings.yaml: what may be written in it, how it is read, which rule takes a finding, and the texts it makes."""
