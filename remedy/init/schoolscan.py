"""SchoolScan: a district's account."""

from collections.abc import Mapping
from typing import Any

import click
import httpx2

from remediation.deliveries.webhook_secrets import end_of
from remediation.mapping.config.references import WebhookSecretRef
from remediation.mapping.config.schema import SchoolScanAccount
from remediation.mapping.config.words import without_final_slash
from remediation.mapping.writing.new_file import NewDistrict
from remediation.mapping.writing.yaml_text import Block, Entry
from remediation.sources.schoolscan.client import SchoolScan
from remedy.init.credentials import Credential, checked, found, reference_of
from remedy.init.options import SCHOOLSCAN, TOKEN, WEBHOOK_SECRET, Options, place_of
from remedy.init.systems import System
from remedy.runtime.calls.outbound import Outbound


class AccountSetUp:
    """The account of one district at `now` (Unix seconds), as the file has it or is going to have it.

    Raises ConfigurationError, and UsageError where options name another webhook secret than the file.
    """

    def __init__(self, name: str, options: Options, known: Mapping[str, Any], now: float) -> None:
        self.name = name
        self._now = now
        self._is_moved = bool(options["schoolscan"])
        self._link = options["finding_link"]
        place = place_of(options, *TOKEN)
        self._has_other_token = place.is_said
        self._token = reference_of(place, known.get("token"))
        webhook_place = place_of(options, *WEBHOOK_SECRET)
        self._webhook_secret = reference_of(webhook_place, None)
        words = {
            **known,
            "url": options["schoolscan"] or known.get("url") or SCHOOLSCAN,
            "token": dict(self._token),
            "webhook": known.get("webhook") or {"secrets": [dict(self._webhook_secret)]},
        }
        words |= {"finding_link": self._link} if self._link else {}
        self.config = checked(SchoolScanAccount, words, "SchoolScan")
        in_file = [_reference(each) for each in self.config.webhook.secrets]
        if webhook_place.is_said and dict(self._webhook_secret) not in in_file:
            where = f"districts.{name}.schoolscan.webhook.secrets"
            raise click.UsageError(f"the file has other webhook secrets of {name}: change {where} in it.")
        self.credential = found("SchoolScan's token", self._token)

    @property
    def webhook_credentials(self) -> list[Credential]:
        """What SchoolScan signs its deliveries with, without secrets that have ended: they may be deleted already.

        Nothing is signed or verified here.
        """
        valid = (each for each in self.config.webhook.secrets if self._now < end_of(each.until))
        return [found("what SchoolScan signs its deliveries with", _reference(each)) for each in valid]

    @property
    def words(self) -> NewDistrict:
        """Its words in a new file."""
        url, link = without_final_slash(str(self.config.url)), self.config.finding_link or ""
        return NewDistrict(self.name, url, self._token, self._webhook_secret, link)

    @property
    def asked_words(self) -> Block:
        """What the options say of an account that the file has: it takes precedence over the file."""
        address = without_final_slash(str(self.config.url))
        url = [Entry("url", address, needed=True)] if self._is_moved else []
        token = [Entry("token", dict(self._token), needed=True)] if self._has_other_token else []
        link = [Entry("finding_link", self._link, needed=True)] if self._link else []
        return Block([*url, *token, *link])

    def opened(self, way: Outbound, client: httpx2.AsyncClient, credential: Credential) -> "OpenAccount":
        """The account, to be asked."""
        return OpenAccount(self, way.source(self.name, self.config, credential.value, client), credential)


def _reference(secret: WebhookSecretRef) -> dict[str, str]:
    return secret.model_dump(mode="json", include={"env", "file"})


class OpenAccount:
    """An account that can be asked. The client is closed by whoever opened it."""

    def __init__(self, district: AccountSetUp, account: SchoolScan, credential: Credential) -> None:
        self.account = account
        address = without_final_slash(str(district.config.url))
        self.system = System(district.name, "SchoolScan", address, credential)

    async def sign_in(self) -> str:
        """Returns what it says of the token. Raises OutsideError."""
        return await self.account.check()

    async def close(self) -> None:
        """Does nothing: no connection is held open."""
