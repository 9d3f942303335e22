"""`remedy doctor` about where people sign in to the console: an identity provider, or the keys of a proxy."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from remediation.operations.examining.codes import Code
from remedy.runtime.failures import ExitCode
from tests.contract.tracker_world import nobody_listens
from tests.identity_provider import open_provider
from tests.integration.clinic import Clinic
from tests.unit.console_observers import key_files

WHAT = "sign-in to the console"
SECRET = "test-only-secret-of-the-console"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with open_provider([]) as issuer:
        yield issuer


class Strange(BaseHTTPRequestHandler):
    """Answers everything with one page."""

    page = (200, b"{}")

    def do_GET(self) -> None:
        status, body = self.page
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def strange() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Strange) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def signing_in(tmp_path: Path, redis_url: str) -> Callable[[str], Clinic]:
    """An installation in which people sign in in this way, and whose other systems nobody asks."""

    def made(way: str) -> Clinic:
        clinic = Clinic(tmp_path, redis_url, dict.fromkeys(("SCHOOLSCAN", "SERVICENOW", "JIRA"), nobody_listens()))
        access = "access: [{group: staff, role: viewer}]"
        clinic.mappings += f"console: {{url: https://duty.example, sign_in: {{{way}}}, {access}}}\n"
        clinic.environment["CONSOLE_SECRET"] = SECRET
        clinic.begin()
        return clinic

    return made


def oidc(issuer: str, **more: str) -> str:
    words = {"issuer": issuer, "client_id": "remedy", "client_secret": "{env: CONSOLE_SECRET}", **more}
    return f"oidc: {{{', '.join(f'{name}: {word}' for name, word in words.items())}}}"


def proxy(**keys: str) -> str:
    words = {"header": "X-Assertion", "issuer": "https://id.example", "audience": "console", **keys}
    return f"proxy: {{{', '.join(f'{name}: {word}' for name, word in words.items())}}}"


def told(clinic: Clinic) -> tuple[str, str]:
    (found,) = (check for check in clinic.checks() if check["what"] == WHAT)
    assert found["well"] or found["advice"]
    return str(found["code"]), str(found["says"])


def test_a_provider_that_answers_is_well_and_told_with_how_many_keys_it_has(
    issuer: str, signing_in: Callable[[str], Clinic]
) -> None:
    assert told(signing_in(oidc(issuer))) == ("", f"{issuer} answers, and publishes 1 key")


def test_a_provider_that_is_away_is_told(signing_in: Callable[[str], Clinic]) -> None:
    code, says = told(signing_in(oidc(nobody_listens())))
    assert (code, says) == (Code.PROVIDER_AWAY, "The identity provider does not answer")


@pytest.mark.parametrize(
    ("page", "code", "words"),
    [
        ((200, b'{"issuer": "https://another.example"}'), Code.PROVIDER_DIFFERS, "another one than mappings.yaml"),
        ((200, b"<html>"), Code.PROVIDER_DIFFERS, "not as one must"),
        ((404, b"{}"), Code.PROVIDER_DIFFERS, "not as one must"),
        ((503, b"{}"), Code.PROVIDER_AWAY, "does not answer"),
    ],
)
def test_a_provider_that_answers_otherwise_is_told_from_one_that_is_away(
    strange: str,
    signing_in: Callable[[str], Clinic],
    monkeypatch: pytest.MonkeyPatch,
    page: tuple[int, bytes],
    code: Code,
    words: str,
) -> None:
    monkeypatch.setattr(Strange, "page", page)
    found, says = told(signing_in(oidc(strange)))
    assert (found, words in says) == (code, True), says


def test_a_provider_that_says_all_and_publishes_no_keys_is_told(
    strange: str, signing_in: Callable[[str], Clinic], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    said = ", ".join(f'"{name}": "{strange}/{name}"' for name in names)
    monkeypatch.setattr(Strange, "page", (200, f'{{"issuer": "{strange}", {said}}}'.encode()))
    code, says = told(signing_in(oidc(strange)))
    assert (code, "publishes no keys" in says) == (Code.PROVIDER_DIFFERS, True), says


def test_a_provider_that_signs_in_no_way_that_is_believed_is_told(
    issuer: str, signing_in: Callable[[str], Clinic]
) -> None:
    code, says = told(signing_in(oidc(issuer, algorithms="[ES512]")))
    assert (code, "none of the algorithms" in says) == (Code.PROVIDER_DIFFERS, True), says


def test_the_keys_of_a_proxy_are_read_from_where_it_publishes_them_or_from_its_file(
    issuer: str, signing_in: Callable[[str], Clinic], tmp_path: Path
) -> None:
    right, _ = key_files(tmp_path)
    assert told(signing_in(proxy(jwks=f"{issuer}/jwks"))) == ("", "1 key of the proxy")
    assert told(signing_in(proxy(key=right))) == ("", "1 key of the proxy")
    assert told(signing_in(proxy(jwks=f"{nobody_listens()}/jwks")))[0] == Code.PROVIDER_AWAY
    Path(right).write_text("no key", encoding="utf-8")
    assert told(signing_in(proxy(key=right)))[0] == Code.PROVIDER_DIFFERS


def test_the_console_asks_its_provider_alone_and_the_others_never(
    issuer: str, signing_in: Callable[[str], Clinic]
) -> None:
    clinic = signing_in(oidc(issuer))
    clinic.environment |= {"JIRA_TOKEN": None, "SCHOOLSCAN_WEBHOOK_SECRET": None}
    shown = clinic.call("--as", "console")
    assert (shown.exit_code, f"{WHAT}:" in shown.stdout) == (ExitCode.DONE, True), shown.stdout
    assert "tracker" not in shown.stdout
    for words in (("--as", "receiver"), ("--as", "worker"), ("--as", "console", "--offline"), ("--offline",)):
        assert f"{WHAT}:" not in clinic.call(*words).stdout
