"""What the pages of cases share: the filter of an address, the case of an address, and what is chosen of them."""
