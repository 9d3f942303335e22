"""What a process counts that runs several receivers. In no registry: other processes have none of it."""

from prometheus_client import Counter, Gauge

RUNNING = Gauge("remedy_receiver_processes", "Receivers behind this port that run, of --processes.", registry=None)
DEATHS = Counter(
    "remedy_receiver_deaths", "Receivers behind this port that died and were started again.", registry=None
)
