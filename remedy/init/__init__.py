"""`remedy init`: a mappings.yaml that fits the systems that there are."""
