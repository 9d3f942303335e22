"""The metrics of several processes as those of one."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import Metric
from prometheus_client.samples import Sample

GAUGES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "remedy_connections": sum,
    "remedy_console_streams": sum,
    "remedy_data_keys": min,
    "remedy_data_keys_valid": min,
    "remedy_mappings_loaded_timestamp_seconds": min,  # of the one that has not taken a changed file yet
    "remedy_mappings_valid": min,
    "remedy_webhook_secret_ends_timestamp_seconds": max,
    "process_virtual_memory_bytes": sum,
    "process_resident_memory_bytes": sum,
    "process_start_time_seconds": min,
    "process_open_fds": sum,
    "process_max_fds": min,
}
"""How the gauges of a process become one. What is not named here is the same in all of them, or told by one alone."""

_GROWING = frozenset({"counter", "histogram", "summary"})


def summed(reports: Iterable[Iterable[Metric]]) -> list[Metric]:
    """The metrics of all of these, each once, in the order in which they first come."""
    families: dict[str, list[Metric]] = {}
    for report in reports:
        for metric in report:
            families.setdefault(metric.name, []).append(metric)
    return [_one(several) for several in families.values()]


def growing(metrics: Iterable[Metric]) -> list[Metric]:
    """Those that only grow, which are to be kept of a process that has ended: a sum of counters must not fall."""
    return [metric for metric in metrics if metric.type in _GROWING]


def _one(several: Sequence[Metric]) -> Metric:
    first = several[0]
    values: dict[tuple[str, tuple[tuple[str, str], ...]], list[float]] = {}
    for metric in several:
        for sample in metric.samples:
            values.setdefault((sample.name, tuple(sample.labels.items())), []).append(sample.value)
    whole = Metric(first.name, first.documentation, first.type)
    whole.samples = [Sample(name, dict(labels), _rule(first, name)(found)) for (name, labels), found in values.items()]
    return whole


def _rule(metric: Metric, sample: str) -> Callable[[Sequence[float]], float]:
    if sample.endswith("_created"):
        return min
    return sum if metric.type in _GROWING else GAUGES.get(metric.name, max)
