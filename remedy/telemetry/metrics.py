"""The metrics of all processes alike: their version, and the state of mappings.yaml and the data keys."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Info
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from remediation.logs import LOSSES

PROCESS = Info("remedy_process", "The process: its role (receiver, worker or console) and its version.")
DATA_KEYS = Gauge("remedy_data_keys", "How many data keys the process has; sealed with any other cannot be opened.")
DATA_KEYS_VALID = Gauge("remedy_data_keys_valid", "1 while the data keys that are there are in use, 0 while refused.")
MAPPINGS = Info("remedy_mappings", "The mappings.yaml that is in use: the start of its SHA-256 digest.")
MAPPINGS_LOADED = Gauge(
    "remedy_mappings_loaded_timestamp_seconds", "When the mappings.yaml that is in use was loaded, in Unix seconds."
)
MAPPINGS_VALID = Gauge("remedy_mappings_valid", "1 while the mappings.yaml that is there is in use, 0 while refused.")
RELOAD_FAILURES = Counter("remedy_mappings_reload_failures_total", "Changes of mappings.yaml that were refused.")


class _LostLines(Collector):
    """The number of lost log lines, read from where lines are written, which must depend on nothing."""

    def describe(self) -> Iterator[CounterMetricFamily]:
        """The present numbers, in the form that Prometheus's client collects."""
        return self.collect()

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The number by reason; every reason is present from the start."""
        family = CounterMetricFamily("remedy_log_lines_lost", "Log lines that were lost, by why.", labels=["reason"])
        for loss, count in LOSSES.lines.items():
            family.add_metric([loss], count)
        yield family


REGISTRY.register(_LostLines())
