"""A ticket as it would be opened, with what its adapter would send: for commands, which send nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remediation.domain.tickets import Draft
from remediation.mapping.config.routing import TicketWords


@dataclass(frozen=True, slots=True)
class Preview:
    """One ticket that would be opened.

    `words` are what the file says of it, for comparing; `sent` has body and labels as the tracker would get them.
    `requests` are the bodies that the adapter would send, in order. `closing` are the fields that closing it sets.
    """

    tracker: str
    kind: str
    draft: Draft
    words: TicketWords
    sent: TicketWords
    requests: tuple[Mapping[str, object], ...]
    closing: Mapping[str, object] = field(default_factory=dict)
