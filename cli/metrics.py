"""What receiver and worker both count: how they stand with mappings.yaml."""

from prometheus_client import Counter, Gauge

MAPPINGS_LOADED = Gauge(
    "remedy_mappings_loaded_timestamp_seconds", "When the mappings.yaml that is in use was loaded, in Unix seconds."
)
MAPPINGS_VALID = Gauge("remedy_mappings_valid", "1 while the mappings.yaml that is there is in use, 0 while refused.")
RELOAD_FAILURES = Counter("remedy_mappings_reload_failures_total", "Changes of mappings.yaml that were refused.")
