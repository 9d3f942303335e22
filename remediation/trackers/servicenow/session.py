"""The HTTP session under ServiceNow's client: sign-in, trusted certificates, retries, and why a request failed."""

from collections.abc import Callable

import requests
from requests.auth import AuthBase
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from remediation import telemetry
from remediation.domain.errors import TryLater
from remediation.mapping.config.trackers.servicenow import CONNECTION_ATTEMPTS, ServiceNowTracker
from remediation.outbound.answers import note_answer, note_request
from remediation.trackers.connecting import AnswerTooLarge, RepeatingAdapter
from remediation.trackers.replies import Reply
from remediation.trackers.servicenow.replies import error_of


def session_for(system: str, config: ServiceNowTracker, sign_in: AuthBase) -> requests.Session:
    """A session that signs in to every request.

    An answer that is an error raises ours before ServiceNow's client sees it. Nothing of the environment counts:
    no proxy, no netrc, no certificates. Redirects are answers, and not followed.
    """
    session = bare_session(config)
    session.auth = sign_in
    session.hooks["response"] = [_judge(system)]
    return session


def bare_session(config: ServiceNowTracker) -> requests.Session:
    """A session that trusts and goes through what the configuration says, and signs in to nothing."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(config.ca_file) if config.ca_file else True
    if config.proxy:
        session.proxies = {"http": str(config.proxy), "https": str(config.proxy)}
    for scheme in ("https://", "http://"):
        session.mount(scheme, RepeatingAdapter(CONNECTION_ATTEMPTS, connections=1))
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


def unanswered(system: str, failure: OSError, *, wrote: bool) -> TryLater:
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
