"""One connection to a ServiceNow instance, on `pysnow`, as the adapter's threads use it, and its HTTP session.

The only file that knows that package.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pysnow
import requests
from pysnow.exceptions import PysnowException
from requests.auth import AuthBase
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from remediation import telemetry
from remediation.domain.errors import Refused, TryLater
from remediation.mapping.config.trackers.servicenow import CONNECTION_ATTEMPTS, ServiceNowTracker
from remediation.outbound.answers import note_answer, note_request
from remediation.trackers.connecting import AnswerTooLarge, LimitedTracker, RepeatingAdapter
from remediation.trackers.replies import Reply
from remediation.trackers.servicenow.changes import PAGE_SIZE
from remediation.trackers.servicenow.limits import RuleReader
from remediation.trackers.servicenow.records import MYSELF, Record, fields_of, text_of
from remediation.trackers.servicenow.replies import error_of, has_more, hidden, total_of

_ResultT = TypeVar("_ResultT")

_MOST_PAGES = 20
"""The most pages: a mark has a few tickets at most, so more pages mean that something is very wrong."""


_ATTACHMENTS = "/attachment"
_MOST_FILES = 1_000


class ServiceNowClient:
    """One thread's connection. Every method raises errors of ours and nothing else."""

    def __init__(
        self, name: str, config: ServiceNowTracker, sign_in: AuthBase, limits: RuleReader | None = None
    ) -> None:
        address = urlsplit(str(config.url).rstrip("/"))
        self._name = name
        self._columns = fields_of(config)
        self._timeout = (config.connect_timeout.total_seconds(), config.read_timeout.total_seconds())
        self._session = _session_for(name, config, sign_in, limits or RuleReader())
        self._snow = pysnow.Client(
            host=address.netloc + address.path, session=self._session, use_ssl=address.scheme == "https"
        )

    def create(self, table: str, payload: Mapping[str, object], columns: Sequence[str] = ()) -> Record:
        """POST a record; the answer shows these columns besides those that are always read."""
        shown = (*self._columns, *columns)
        return self._carry_out(lambda: self._resource(table, shown).create(dict(payload)).one(), wrote=True)

    def read(self, table: str, sys_id: str, columns: Sequence[str] = ()) -> Record:
        """GET a record by its id, with only these columns where there are any."""
        return self._carry_out(lambda: self._resource(table, columns).request("GET", path_append=f"/{sys_id}").one())

    def update(self, table: str, sys_id: str, payload: Mapping[str, object]) -> Record:
        """PATCH a record. The library's own update reads first and then PUTs."""
        return self._carry_out(
            lambda: self._resource(table).request("PATCH", path_append=f"/{sys_id}", json=dict(payload)).one(),
            wrote=True,
        )

    def change(self, table: str, sys_id: str, payload: Mapping[str, object]) -> tuple[Record, Record]:
        """The record before and after a PATCH: what was dropped shows only in the difference."""
        return self.read(table, sys_id), self.update(table, sys_id, payload)

    def rows(
        self, table: str, query: str, offset: int, columns: Sequence[str]
    ) -> tuple[Sequence[Record], Mapping[str, str]]:
        """GET one page of a query, with only these columns, and the headers it came with."""

        def request() -> tuple[Sequence[Record], Mapping[str, str]]:
            answer = self._resource(table).get(query=query, limit=PAGE_SIZE, offset=offset, fields=list(columns))
            return answer.all(), answer.headers

        return self._carry_out(request)

    def look(self, table: str, query: str, columns: Sequence[str], limit: int) -> Sequence[Record]:
        """GET the first rows of a query, with only these columns."""
        return self._carry_out(lambda: self._resource(table).get(query=query, limit=limit, fields=list(columns)).all())

    def attachments(self, table: str, sys_id: str) -> Sequence[Record]:
        """GET what is told of the files on a record, the oldest first. The library's own call knows no version 2."""
        query = f"table_name={table}^table_sys_id={sys_id}^ORDERBYsys_created_on"

        def request() -> Sequence[Record]:
            resource = self._snow.resource(api_path=_ATTACHMENTS, timeout=self._timeout)
            rows: Sequence[Record] = resource.get(query=query, limit=_MOST_FILES).all()
            return rows

        return self._carry_out(request)

    def attach(self, table: str, sys_id: str, name: str, content: bytes, media_type: str) -> None:
        """POST a file. The library's own call reads it from a disk, and asks another library what it is."""

        def request() -> None:
            resource = self._snow.resource(api_path=_ATTACHMENTS, timeout=self._timeout)
            resource.parameters.add_custom({"table_name": table, "table_sys_id": sys_id, "file_name": name})
            headers = {"Content-Type": media_type}
            resource.request("POST", path_append="/file", data=content, headers=headers).one()

        self._carry_out(request, wrote=True)

    def detach(self, attachment_id: str) -> None:
        """DELETE a file. The library's own call reads it first."""

        def request() -> None:
            resource = self._snow.resource(api_path=_ATTACHMENTS, timeout=self._timeout)
            resource.request("DELETE", path_append=f"/{attachment_id}").all()

        self._carry_out(request, wrote=True)

    def myself(self) -> Sequence[Record]:
        """Our own user record; nothing where we may not see it. A value that no user has is ignored: then, several."""
        return self.look("sys_user", MYSELF, ("sys_id", "user_name"), 2)

    def own_id(self) -> str:
        """Our own id, as `resolved_by` shows it; empty where ServiceNow does not tell."""
        try:
            rows = self.myself()
        except Refused:
            return ""
        return text_of(rows[0], "sys_id") if len(rows) == 1 else ""

    def all_rows(self, table: str, query: str) -> list[Record]:
        """GET every page of a query."""
        records: list[Record] = []
        for page in range(_MOST_PAGES):
            rows, headers = self.rows(table, query, page * PAGE_SIZE, self._columns)
            records += rows
            if not has_more(headers, page * PAGE_SIZE, PAGE_SIZE, len(rows)):
                if not records and total_of(headers):
                    raise hidden(self._name, "a record with this mark is not shown to us")
                return records
        raise Refused(self._name, "answers a question for one mark with thousands of records")

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _resource(self, table: str, columns: Sequence[str] = ()) -> Any:
        """A new one for every request: the parameters of one would go into the next."""
        resource = self._snow.resource(api_path=f"/v2/table/{table}", timeout=self._timeout)
        resource.parameters.exclude_reference_link = True
        resource.parameters.fields = list(columns or self._columns)
        return resource

    def _carry_out(self, request: Callable[[], _ResultT], *, wrote: bool = False) -> _ResultT:
        """The request's result. A library's exception holds our credentials: it does not go on, not even as a cause."""
        try:
            return request()
        except OSError as failure:  # every exception of requests is one
            error = _unanswered(self._name, failure, wrote=wrote)
        except PysnowException as failure:
            error = TryLater(self._name, f"an answer nobody expected ({type(failure).__name__})", ambiguous=wrote)
        raise error


def _session_for(system: str, config: ServiceNowTracker, sign_in: AuthBase, limits: RuleReader) -> requests.Session:
    """A session that signs in to every request.

    An answer that is an error raises ours before ServiceNow's client sees it. Nothing of the environment counts:
    no proxy, no netrc, no certificates. Redirects are answers, and not followed.
    """
    session = bare_session(config, LimitedTracker(system, limits))
    session.auth = sign_in
    session.hooks["response"] = [_judge(system)]
    return session


def bare_session(config: ServiceNowTracker, limited: LimitedTracker | None = None) -> requests.Session:
    """A session that trusts and goes through what the configuration says, and signs in to nothing.

    Without `limited`, no limit counts for its requests: rules are about the API, and a token comes from elsewhere.
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = str(config.ca_file) if config.ca_file else True
    if config.proxy:
        session.proxies = {"http": str(config.proxy), "https": str(config.proxy)}
    for scheme in ("https://", "http://"):
        session.mount(scheme, RepeatingAdapter(CONNECTION_ATTEMPTS, connections=1, limited=limited))
    return session


def _judge(system: str) -> Callable[..., None]:
    def judge(response: requests.Response, **_: object) -> None:
        wrote = response.request.method != "GET"
        reply = Reply(response.status_code, response.headers, response.content, wrote)
        note_answer(response.headers)
        telemetry.note(status=response.status_code)
        if wrote:
            note_request(reply.request_id)
        error = error_of(system, reply)
        if error is not None:
            raise error

    return judge


def _unanswered(system: str, failure: OSError, *, wrote: bool) -> TryLater:
    """Why there is no answer. Names only the kind of failure: its text holds the address and the query."""
    if isinstance(failure, AnswerTooLarge):
        return failure.for_later(system, wrote=wrote)
    sent = isinstance(failure, requests.RequestException) and not _was_never_sent(failure)
    words = "no answer" if sent else "no connection"
    return TryLater(system, f"{words} ({type(failure).__name__})", ambiguous=wrote and sent)


def _was_never_sent(failure: requests.RequestException) -> bool:
    cause = failure.args[0] if failure.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(failure, requests.ConnectTimeout) or isinstance(reason, NewConnectionError | ConnectTimeoutError)
