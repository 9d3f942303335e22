"""The audit trail: what people did and what was decided about cases, in lines that are chained to each other."""
