"""The channels of mappings.yaml, opened: each with its address, which is secret, and the way that all take."""

from collections.abc import Callable
from functools import partial

from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import channel_urls
from remediation.outbound.channels import ChannelWay, send
from remediation.read_model.status.overview import installed_file
from remediation.settings import environ
from remedy.runtime.calls.outbound import outbound
from remedy.runtime.heartbeat import version
from workers.channels import Notifying, OpenChannel


def open_channels(loaded: Loaded, is_refused: Callable[[], bool]) -> Notifying:
    """All channels of the file. Raises ConfigurationError where the address of one is missing. Sends nothing.

    `is_refused` returns whether the file was changed since, and cannot be used.
    """
    mappings, urls, way = loaded.mappings, channel_urls(loaded, environ()), channel_way()
    channels = {name: OpenChannel(each, partial(send, urls[name], way)) for name, each in mappings.notify.items()}
    installed = partial(installed_file, mappings, loaded.digest)
    return Notifying(channels, installed, is_refused, version(), tuple(mappings.districts))


def channel_way() -> ChannelWay:
    """How channels are reached: as OUTBOUND_PROXY and OUTBOUND_CA_FILE say."""
    way = outbound()
    return ChannelWay(way.proxy, way.ca_file)
