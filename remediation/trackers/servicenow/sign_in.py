"""Signing in to ServiceNow: one object for all threads of a tracker."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import check_header_validity

from remediation.domain.errors import TryLater
from remediation.mapping.config.trackers.servicenow import TOKEN_TIMEOUTS, ServiceNowTracker
from remediation.redaction import words_of
from remediation.trackers.connecting import AnswerTooLarge
from remediation.trackers.replies import wait_of
from remediation.trackers.servicenow.client import bare_session

NO_SCOPE = "unscoped api"
"""In the 403 to a token without a scope: "Access to unscoped api is not allowed"."""

_EXPIRES_IN = 1800
"""The lifetime of a token in seconds where the answer does not tell it: ServiceNow's default."""

_MARGIN = 60
"""Seconds before its end from which a token is not used any more."""


def sign_in_of(system: str, config: ServiceNowTracker, secret: str) -> AuthBase:
    """The object that signs requests in, as `config.auth` says."""
    auth = config.auth
    if auth.oauth is not None:
        return ClientCredentials(system, config, auth.oauth.client_id, secret)
    if auth.basic is not None:
        return HTTPBasicAuth(auth.basic.user.encode(), secret.encode())
    if auth.api_key is not None:
        return _Header("x-sn-apikey", secret)
    return _Header("Authorization", f"Bearer {secret}")


def sign_in_advice(config: ServiceNowTracker) -> str:
    """What to check in ServiceNow where an account is refused although its secret is right."""
    if config.auth.oauth is not None:
        return (
            "is glide.oauth.inbound.client.credential.grant_type.enabled true, and has the client an OAuth application "
            "user and a scope for the Table API?"
        )
    if config.auth.basic is not None:
        return "is the account web-service-only, or has it the role snc_basic_auth_api_access?"
    return "is it active, and may it use the Table API?"


class _Header(AuthBase):
    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        _put(request, self._name, self._value)
        return request


def _put(request: requests.PreparedRequest, name: str, value: str) -> None:
    """Set a header. Raises an exception of requests for a value that no header can hold."""
    raw = value.encode()
    check_header_validity((name.encode(), raw))
    cast("dict[str, bytes]", request.headers)[name] = raw


@dataclass(frozen=True, slots=True)
class _Token:
    """An access token. `good_until` is on the same clock as everything here."""

    value: str
    good_until: float


class ClientCredentials(AuthBase):
    """OAuth with client credentials: fetches a token when there is none, uses it until shortly before it ends.

    A request that is answered with 401 all the same gets a new token and is sent once more: it was refused, so nothing
    is done twice. Raises TryLater, never ambiguous, where no token can be fetched. Threads may share it: one fetches,
    and the others wait for that one attempt and no longer.
    """

    def __init__(
        self,
        system: str,
        config: ServiceNowTracker,
        client_id: str,
        secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        address = urlsplit(str(config.url))
        self._system = system
        self._config = config
        self._address = f"{address.scheme}://{address.netloc}{address.path.rstrip('/')}/oauth_token.do"
        self._credentials = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._failure: tuple[float, TryLater] | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign the request in, and check its answer before anything else sees it."""
        token, began = self._valid_token(None), self._clock()

        def renewed(answer: requests.Response, **options: Any) -> requests.Response:
            in_time = self._clock() - began <= self._config.read_timeout.total_seconds()
            if answer.status_code != HTTPStatus.UNAUTHORIZED or not in_time:
                return answer
            return self._sent_again(answer, self._valid_token(token), options)

        _put(request, "Authorization", f"Bearer {token.value}")
        request.hooks["response"].append(renewed)
        return request

    def _sent_again(self, answer: requests.Response, token: _Token, options: dict[str, Any]) -> requests.Response:
        """The same request with another token, on the same connection."""
        answer.close()
        request = answer.request.copy()
        _put(request, "Authorization", f"Bearer {token.value}")
        again: requests.Response = answer.connection.send(request, **options)
        again.history.append(answer)
        again.request = request
        return again

    def _valid_token(self, refused: _Token | None) -> _Token:
        """A valid token that is not the one that was refused."""
        asked_at = self._clock()
        with self._lock:
            if self._token and self._token is not refused and self._clock() < self._token.good_until:
                return self._token
            if self._failure and self._failure[0] >= asked_at:
                raise self._failure[1]
            try:
                self._token = self._fetched()
            except TryLater as error:
                self._token, self._failure = None, (self._clock(), error)
                raise
            return self._token

    def _fetched(self) -> _Token:
        try:
            with bare_session(self._config) as session:
                timeouts = cast("tuple[float, float]", tuple(limit.total_seconds() for limit in TOKEN_TIMEOUTS))
                answer = session.post(self._address, data=self._credentials, timeout=timeouts, allow_redirects=False)
        except AnswerTooLarge as failure:
            error = failure.for_later(self._system, wrote=False)
            words, waiting = error.words, error.waiting
        except OSError as failure:  # every exception of requests is one, and holds the credentials
            words, waiting = f"no answer ({type(failure).__name__})", None
        else:
            return self._token_in(answer)
        raise TryLater(self._system, f"no access token: {words}", waiting=waiting)

    def _token_in(self, answer: requests.Response) -> _Token:
        body = _object_in(answer)
        token, lifetime = body.get("access_token"), _seconds(body.get("expires_in"))
        if answer.status_code != HTTPStatus.OK or not isinstance(token, str) or not token:
            words = words_of(" ".join(str(body.get(name, "")) for name in ("error", "error_description")))
            raise TryLater(
                self._system,
                f"no access token: {words.strip() or 'refused'}",
                after=wait_of(answer.status_code, answer.headers),
                status=_meant(answer.status_code),
            )
        return _Token(token, self._clock() + max(lifetime - _MARGIN, lifetime / 2))


def _meant(status: int) -> int:
    """The token endpoint's refusal in the form of the API's: it is about our credentials, unless it is a limit."""
    passing = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS}
    is_ours = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in passing
    return int(HTTPStatus.UNAUTHORIZED if is_ours else status)


def _object_in(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(value: object) -> float:
    try:
        return max(float(str(value)), 0.0)
    except ValueError:
        return _EXPIRES_IN
