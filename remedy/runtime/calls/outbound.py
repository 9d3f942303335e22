"""How outside systems are reached: directly, or through a company's proxy and with a company's certificates.

What mappings.yaml says of a tracker takes precedence over the settings for all (OUTBOUND_PROXY, OUTBOUND_CA_FILE).
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from remediation.mapping.config.incident_feeds import IncidentFeed
from remediation.mapping.config.schema import SchoolScanAccount
from remediation.mapping.config.trackers.tracker_settings import TrackerSettings
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.ports import Inspector, Tracker
from remediation.settings import load_settings
from remediation.sources.connections import open_client, usual_certificates
from remediation.sources.incident_feed.answers import system_of
from remediation.sources.incident_feed.client import IncidentFeedClient
from remediation.sources.incident_feed.polled import PolledFeed
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.transport import Spending, freely
from remediation.trackers.adapters import adapter_of

ConfigT = TypeVar("ConfigT", bound=TrackerSettings)


@dataclass(frozen=True, slots=True)
class Outbound:
    """The settings for all outside systems.

    `proxy` is an address without a path, `ca_file` a PEM file; None for no proxy, and for the usual certificates.
    `largest_answer` is the most bytes of an answer that are read.
    """

    proxy: str | None = None
    ca_file: Path | None = None
    largest_answer: int = LARGEST_ANSWER

    def completes(self, config: ConfigT) -> ConfigT:
        """The tracker's configuration, completed by these settings."""
        unsaid = {name: value for name, value in (("proxy", self.proxy), ("ca_file", self.ca_file)) if value}
        return config.model_copy(update={name: each for name, each in unsaid.items() if getattr(config, name) is None})

    def trusted(self) -> ssl.SSLContext:
        """The certificates that are trusted; those who open several clients read them once."""
        return ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else usual_certificates()

    def reach(self) -> Mapping[str, Any]:
        """How an identity provider of the console is reached: terms of its HTTP client."""
        return {"proxy": self.proxy, "verify": self.trusted()}

    @contextlib.asynccontextmanager
    async def open_client(self, trusted: ssl.SSLContext | None = None) -> AsyncIterator[httpx2.AsyncClient]:
        """The client for a SchoolScan account or a feed of incidents, for as long as this is open."""
        async with open_client(proxy=self.proxy, trusted=trusted or self.trusted()) as client:
            yield client

    def tracker(self, name: str, config: TrackerSettings, secret: str) -> Tracker:
        """The adapter for one configured tracker. The caller closes it."""
        completed = self.completes(config)
        return adapter_of(config).tracker(name, completed, secret, largest_answer=self.largest_answer)

    def inspector(self, name: str, config: TrackerSettings, secret: str) -> Inspector:
        """What asks one configured tracker whether it is as mappings.yaml says. The caller closes it."""
        completed = self.completes(config)
        return adapter_of(config).inspector(name, completed, secret, largest_answer=self.largest_answer)

    def source(
        self,
        district: str,
        config: SchoolScanAccount,
        token: str,
        client: httpx2.AsyncClient,
        spending: Spending = freely,
    ) -> SchoolScan:
        """A district's account, over the client that `open_client` gave. Its requests are sent within `spending`."""
        return SchoolScan(
            district,
            str(config.url),
            token,
            client=client,
            largest_answer=self.largest_answer,
            download_hosts=config.download_hosts,
            spending=spending,
        )

    def feed(self, name: str, config: IncidentFeed, token: str, client: httpx2.AsyncClient) -> PolledFeed:
        """A feed of incidents by the name `district/feed`, over the client that `open_client` gave."""
        timetable, url = config.timetable, str(config.url)
        reader = IncidentFeedClient(system_of(name), url, token, client=client, zone=timetable.zone)
        return PolledFeed(name, reader, timetable)


def outbound() -> Outbound:
    """The settings of the environment. Raises ConfigurationError."""
    settings = load_settings()
    proxy = str(settings.outbound_proxy) if settings.outbound_proxy else None
    return Outbound(proxy, settings.outbound_ca_file, settings.max_answer_bytes)
