"""What a process of ours shows to Prometheus."""

import httpx2

ANSWERS_WITHIN = 20.0


def samples(address: str, metric: str) -> dict[str, float]:
    """A metric's values, by its series."""
    text = httpx2.get(f"{address}/metrics", timeout=ANSWERS_WITHIN, trust_env=False).text
    found = (line.rpartition(" ") for line in text.splitlines() if line.startswith((f"{metric}{{", f"{metric} ")))
    return {series: float(value) for series, _, value in found}


def counted(address: str, metric: str, **labels: str) -> float:
    """The sum of a metric's values that have these labels."""
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    return sum(value for series, value in samples(address, metric).items() if all(each in series for each in wanted))
