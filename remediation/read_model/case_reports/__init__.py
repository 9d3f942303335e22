"""Reports about cases for privacy officers: accepted risks, and how fast work was done. Ids, codes, counts, times."""
