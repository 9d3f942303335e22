"""`remedy send` against a server that judges signatures as the receiver does."""

import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from remediation.deliveries.signatures import SignatureFormat, by_name, verify
from remediation.domain.errors import SignatureInvalid
from remedy.main import main
from remedy.runtime.failures import ExitCode

SECRET = "test-only-webhook-secret"


class Judge(BaseHTTPRequestHandler):
    """202 for a signature that verifies in any format, 401 otherwise; `answers` come first, one for each request."""

    answers: list[int]
    bodies: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.bodies.append(body)
        self.send_response(self.answers.pop(0) if self.answers else self.verdict(body))
        self.send_header("retry-after", "7")
        self.send_header("content-length", "0")
        self.end_headers()

    def verdict(self, body: bytes) -> int:
        pairs = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        try:
            verify(by_name(pairs), body, [SECRET], SignatureFormat.AUTO, time.time())
        except SignatureInvalid:
            return HTTPStatus.UNAUTHORIZED
        return HTTPStatus.ACCEPTED

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def judge() -> type[Judge]:
    return type("OneJudge", (Judge,), {"answers": [], "bodies": []})


@pytest.fixture
def url(judge: type[Judge]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), judge) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def send(url: str, *words: str, secret: str = SECRET) -> Result:
    runner = CliRunner(env={"SCHOOLSCAN_WEBHOOK_SECRET": secret})
    return runner.invoke(main, ["send", "--url", url, "--finding", "fnd_1", *words])


@pytest.mark.parametrize("form", ["hex", "prefixed", "base64", "timestamped", "standard"])
def test_a_delivery_verifies_in_every_format(url: str, form: str) -> None:
    result = send(url, "--format", form)
    assert result.exit_code == ExitCode.DONE
    assert "202  taken" in result.stdout


def test_a_wrong_secret_is_refused_and_explained(url: str) -> None:
    result = send(url, secret="test-only-other-secret")
    assert result.exit_code == ExitCode.REFUSED
    assert "is this the district's secret" in result.stdout


def test_a_repeat_sends_the_very_same_event(url: str, judge: type[Judge]) -> None:
    assert send(url, "--repeat", "3").exit_code == ExitCode.DONE
    assert len(judge.bodies) == 3
    assert len(set(judge.bodies)) == 1


def test_the_worst_answer_decides_the_exit_code(url: str, judge: type[Judge]) -> None:
    judge.answers = [503]
    result = send(url, "--repeat", "2", "--json")
    assert result.exit_code == ExitCode.UNREACHABLE
    answers = json.loads(result.stdout)["answers"]
    assert [answer["status"] for answer in answers] == [503, 202]
    assert answers[0]["retry_after"] == "7"


def test_a_receiver_that_cannot_store_says_when_to_come_again(url: str, judge: type[Judge]) -> None:
    judge.answers = [503]
    assert "again after 7 s" in send(url).stdout


def test_an_answer_that_no_receiver_gives_is_told_as_such(url: str, judge: type[Judge]) -> None:
    judge.answers = [418]
    assert "is the address right?" in send(url).stdout


def test_a_receiver_that_is_not_there_is_a_message_and_no_stack_trace(url: str) -> None:
    result = send("http://127.0.0.1:9")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert result.stderr.startswith("error: the receiver: no answer (ConnectError)")


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://"])
def test_an_address_that_is_none_is_a_matter_of_usage(address: str) -> None:
    result = send(address)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "--url" in result.stderr
