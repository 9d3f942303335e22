"""The `jira` package, blocking, without the requests that it sends by itself: one client per thread.

What the package does by itself and must not do: repeat a POST after a reset connection, sleep in the thread, ask the
server for its version, its fields and an issue that was just created, log whole answers, and carry the Authorization
header in its exceptions. Every answer passes our own check before the package sees it, so that none of that happens.
"""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, TypeVar

import requests
from jira import JIRA
from jira.exceptions import JIRAError
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from remediation import telemetry
from remediation.domain.errors import TryLater
from remediation.mapping.config.trackers.jira import CONNECTION_ATTEMPTS, JiraTracker
from remediation.outbound.answers import note_answer, note_request
from remediation.trackers.connecting import AnswerTooLarge, LimitedTracker, RepeatingAdapter
from remediation.trackers.jira.limits import JiraLimitReader
from remediation.trackers.jira.replies import error_of, is_for_somebody
from remediation.trackers.replies import Reply

ResultT = TypeVar("ResultT")

_READS = frozenset({"GET", "HEAD"})
_STRANGE = (ValueError, LookupError, TypeError, AttributeError, NotImplementedError, RecursionError)
"""What the package raises for JSON of an unexpected form."""


class JiraClient:
    """One thread's connection to one Jira. Every method raises TryLater, Refused or NotFound, and nothing else."""

    def __init__(self, name: str, config: JiraTracker, secret: str) -> None:
        self._name = name
        self._is_cloud = config.deployment == "cloud"
        self._is_named = False
        self._jira = _connected(config, secret, LimitedTracker(name, JiraLimitReader()))
        self._session = self._jira._session  # noqa: SLF001 - the package has no call that sends properties or plain ids
        self._session.hooks["response"].append(self._check)

    def create(self, payload: object) -> Any:
        """Create an issue: fields and properties in one request, which the package's own `create_issue` cannot do."""
        return self._send("POST", "issue", payload)

    def issue(self, issue_id: str, fields: str, properties: str, expand: str | None = None) -> Any:
        """One issue, with only these fields and properties."""
        return self._asked(lambda: self._jira.issue(issue_id, fields=fields, properties=properties, expand=expand).raw)

    def transitions(self, issue_id: str) -> Any:
        """The transitions of an issue now, with the fields of each screen."""
        return self._asked(lambda: self._jira.transitions(issue_id, expand="transitions.fields"))

    def transition(self, issue_id: str, body: object) -> None:
        """Take a transition. The package's own call would turn its id into a number."""
        self._send("POST", f"issue/{issue_id}/transitions", body)

    def comment(self, issue_id: str, markup: str, *, internal: bool) -> None:
        """Add a comment; an internal one is not for the customers of a service project."""
        self._asked(lambda: self._jira.add_comment(issue_id, markup, is_internal=internal), wrote=True)

    def edit(self, issue_id: str, body: object) -> None:
        """Change fields. The package's own call reads the issue before and after."""
        self._send("PUT", f"issue/{issue_id}", body)

    def comments(self, issue_id: str, most: int) -> Any:
        """The newest comments."""
        return self.look(f"issue/{issue_id}/comment", orderBy="-created", maxResults=most)

    def attach(self, issue_id: str, name: str, content: bytes) -> None:
        """Attach a file. The package sends the header without which Jira takes the request for a forged one."""
        self._asked(lambda: self._jira.add_attachment(issue_id, BytesIO(content), name), wrote=True)

    def detach(self, attachment_id: str) -> None:
        """Delete a file that is attached to an issue."""
        self._asked(lambda: self._jira.delete_attachment(attachment_id), wrote=True)

    def relate(self, body: object) -> None:
        """Link two issues. The package's own call asks for the types of links first."""
        self._send("POST", "issueLink", body)

    def link(self, issue_id: str, body: object) -> None:
        """Set a remote link; the same `globalId` again replaces it. The package's own call asks for app links first."""
        self._send("POST", f"issue/{issue_id}/remotelink", body)

    def search(self, jql: str, fields: str, properties: str, size: int, at: str | int | None) -> Any:
        """One page of a search; `at` is a token on Cloud and a number on Data Center, which ignores `properties`.

        An empty page is believed only where it was given to us: its headers name our account, or else `myself`, asked
        for once after such a page, does. Jira names the account in every answer, so a quiet tracker costs no request
        more; only where a proxy keeps that header back each empty page costs one.
        """
        answer = self._page(jql, fields, properties, size, at)
        if not self._is_named and isinstance(answer, dict) and not answer.get("issues"):
            self.myself()
        return answer

    def myself(self) -> Any:
        """The account that we are signed in as."""
        return self._asked(self._jira.myself)

    def look(self, path: str, **asked: str | int) -> Any:
        """GET a path below the root of the API: permissions, screens, names to choose from."""
        url = self._jira._get_url(path)  # noqa: SLF001 - as in __init__
        return self._asked(lambda: self._session.get(url, params=asked).json())

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _page(self, jql: str, fields: str, properties: str, size: int, at: str | int | None) -> Any:
        if self._is_cloud:
            token = str(at) if at else None
            return self._asked(
                lambda: self._jira.enhanced_search_issues(
                    jql, token, size, fields=fields, properties=properties, json_result=True
                )
            )
        start = int(at or 0)
        return self._asked(lambda: self._jira.search_issues(jql, start, size, fields=fields, json_result=True))

    def _send(self, method: str, path: str, body: object) -> Any:
        url = self._jira._get_url(path)  # noqa: SLF001 - as in __init__

        def send() -> Any:
            answer = self._session.request(method, url, data=json.dumps(body))
            return answer.json() if answer.content else None

        return self._asked(send, wrote=True)

    def _check(self, response: requests.Response, **_options: object) -> None:
        """Called with every answer before the package sees it, redirects included."""
        wrote = response.request.method not in _READS
        reply = Reply(response.status_code, response.headers, response.content, wrote)
        self._is_named = is_for_somebody(response.headers)
        note_answer(response.headers)
        telemetry.note(status=response.status_code)
        if wrote:
            note_request(reply.request_id)
        error = error_of(self._name, reply)
        if error:
            raise error

    def _asked(self, ask: Callable[[], ResultT], *, wrote: bool = False) -> ResultT:
        """The result of the call. Exceptions of libraries end here, and none of them stays attached to ours."""
        try:
            return ask()
        except AnswerTooLarge as error:
            later = error.for_later(self._name, wrote=wrote)
        except requests.RequestException as error:
            words, arrived = _trouble(error)
            later = TryLater(self._name, words, ambiguous=wrote and arrived)
        except (JIRAError, *_STRANGE):
            words = "the answer has not the form that Jira's answers have"
            later = TryLater(self._name, words, ambiguous=wrote)
        raise later


def _connected(config: JiraTracker, secret: str, limited: LimitedTracker) -> JIRA:
    """The package's client, without the requests that it sends by itself."""
    user = _user_of(config)
    client = JIRA(
        _address_of(config),
        options={"verify": str(config.ca_file) if config.ca_file else True, "headers": {"User-Agent": "remedy"}},
        basic_auth=(user, secret) if user else None,
        token_auth=None if user else secret,
        get_server_info=False,
        logging=False,
        max_retries=0,
        timeout=(config.connect_timeout.total_seconds(), config.read_timeout.total_seconds()),
    )
    client.deploymentType = "Cloud" if config.deployment == "cloud" else "Server"
    client._fields_cache_value = {"labels": "labels"}  # noqa: SLF001 - empty, it makes the first search ask for /field
    session = client._session  # noqa: SLF001 - the package has no other way to its session
    session.trust_env = False
    if config.proxy:
        session.proxies = {"http": str(config.proxy), "https": str(config.proxy)}
    for scheme in ("https://", "http://"):
        session.mount(scheme, RepeatingAdapter(CONNECTION_ATTEMPTS, limited=limited))
    return client


def _address_of(config: JiraTracker) -> str:
    """The address of the API: at the site itself, or at the gateway, which alone accepts tokens with scopes."""
    scoped = config.auth.scoped
    return f"{str(scoped.gateway).rstrip('/')}/ex/jira/{scoped.cloud_id}" if scoped else str(config.url)


def _user_of(config: JiraTracker) -> str | None:
    """The user who signs in with a secret; None where the secret alone says it."""
    who = config.auth.basic or config.auth.scoped
    return who.user if who else None


def _trouble(error: requests.RequestException) -> tuple[str, bool]:
    """What went wrong, and whether the request may have arrived."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return "no connection", False
    if isinstance(error, requests.exceptions.SSLError):
        return "no trusted connection", True
    if isinstance(error, requests.Timeout):
        return "no answer in time", True
    return "the connection broke", True
