"""`remedy notify test` at real servers; and what the doctor and the status say of channels."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remediation.operations.examining.codes import Code
from remediation.outbound.channels import SendOutcome, SendResult
from remediation.read_model.notifications.planning import in_vain
from remediation.store.keys import APPOINTMENTS
from remediation.store.notifications.memories import ChannelMemories
from remediation.store.notifications.memory import ChannelMemory
from remediation.store.server.connection import Connection
from remedy.main import main
from remedy.notify import command
from remedy.runtime.failures import ExitCode
from tests.integration.clinic import Clinic
from tests.integration.people import Hook, Mailbox, listening_aside
from tests.integration.test_cli_status import OUTSIDE, lines, polled
from tests.integration.test_doctor_troubles import stored

SHIPPED = (Path(__file__).parents[2] / "mappings.yaml").read_text(encoding="utf-8")
WITH_CHANNELS = f"{SHIPPED}\nnotify:\n  mail: {{url: {{env: MAIL_URL}}}}\n  hook: {{url: {{env: HOOK_URL}}}}\n"
HOOK_LINE = WITH_CHANNELS.rpartition("  hook:")[0].count("\n") + 1


@dataclass
class Channels:
    """A mappings.yaml with two channels, to a mailbox and to a hook."""

    mailbox: Mailbox
    hook: Hook
    path: Path

    def call(self, *words: str, **environment: str) -> Result:
        """`remedy notify test`."""
        known = {"MAPPINGS_PATH": str(self.path), "MAIL_URL": self.mailbox.url, "HOOK_URL": self.hook.url}
        return CliRunner(env={**known, **environment}).invoke(main, ["notify", "test", *words])


@pytest.fixture
def channels(tmp_path: Path) -> Iterator[Channels]:
    path = tmp_path / "mappings.yaml"
    path.write_text(WITH_CHANNELS)
    mailbox, hook = Mailbox(), Hook()
    with listening_aside(mailbox, hook):
        yield Channels(mailbox, hook, path)


def test_a_test_is_sent_by_each_channel_and_says_that_it_is_one(channels: Channels) -> None:
    result = channels.call()
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "mail: sent\nhook: sent\n")
    (mail,), (posted,) = channels.mailbox.mails, channels.hook.posted
    assert mail["Subject"] == posted["title"] == "remedy: a test"
    assert "This is a test of the channel hook." in posted["message"]


def test_a_channel_that_is_named_gets_one_message_and_the_others_need_no_address(channels: Channels) -> None:
    result = channels.call("hook", "hook", "--json", MAIL_URL="")
    assert json.loads(result.stdout) == {"channel": "hook", "outcome": "sent", "status": None, "message": "sent"}
    assert (len(channels.hook.posted), channels.mailbox.mails) == (1, [])


def test_a_dry_run_sends_nothing(channels: Channels) -> None:
    result = channels.call("--dry-run")
    assert result.stdout.splitlines()[0] == "mail: its address has a form that can be used; nothing was sent"
    assert (result.exit_code, channels.hook.asked, channels.mailbox.mails) == (ExitCode.DONE, 0, [])


def test_a_dry_run_that_takes_too_long_does_not_say_so_of_a_server_that_nobody_asked(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(_url: str) -> SendResult:
        return SendResult(SendOutcome.TIMED_OUT)

    monkeypatch.setattr(command, "address_flaw", late)
    result = channels.call("hook", "--dry-run")
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "hook: it took too long to look at it\n")


@pytest.mark.parametrize(
    ("environment", "words", "code", "says"),
    [
        (
            {},
            ("hoook",),
            ExitCode.CONFIGURATION,
            "there is no channel hoook; did you mean 'hook'? (there is hook, mail)",
        ),
        (
            {"HOOK_URL": ""},
            (),
            ExitCode.CONFIGURATION,
            f":{HOOK_LINE}:15: notify.hook.url: environment variable HOOK_URL is empty",
        ),
        ({"HOOK_URL": "hook"}, ("hook",), ExitCode.CONFIGURATION, "hook: its address is of no form that Apprise reads"),
        (
            {"HOOK_URL": "json://example.org/a"},
            ("hook", "--dry-run"),
            ExitCode.CONFIGURATION,
            "hook: its address is not encrypted: mailtos:// and jsons://, not mailto:// and json://",
        ),
        ({"HOOK_URL": "json://127.0.0.1:9/a"}, ("hook",), ExitCode.FAILED, "hook: the server cannot be reached"),
    ],
)
def test_a_mistake_is_said_in_one_line_with_an_exit_code_and_without_the_address(
    channels: Channels, environment: Mapping[str, str], words: tuple[str, ...], code: ExitCode, says: str
) -> None:
    result = channels.call(*words, **environment)
    assert result.exit_code == code
    assert says in result.output
    assert "test-only-hook-token" not in result.output
    assert "Traceback" not in result.output


def test_a_server_that_says_no_is_told_by_its_status_and_the_others_get_theirs(channels: Channels) -> None:
    channels.hook.status = 403
    result = channels.call()
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout == "mail: sent\nhook: the server did not take it (it answered 403)\n"


def test_a_file_without_channels_says_so(channels: Channels) -> None:
    channels.path.write_text(SHIPPED)
    result = channels.call()
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "has no notify: there is no channel to test" in result.output


@pytest.fixture
def clinic(redis_url: str, tmp_path: Path) -> Clinic:
    """All is well; there is a channel, and the address of another one is not encrypted."""
    clinic = Clinic(tmp_path, redis_url, OUTSIDE)
    clinic.mappings += "\nnotify:\n  desk: {url: {env: DESK_URL}}\n  plain: {url: {env: PLAIN_URL}}\n"
    clinic.environment |= {"DESK_URL": "jsons://hooks.example.org/a", "PLAIN_URL": "json://hooks.example.org/a"}
    clinic.begin()
    polled(clinic, ago=1)
    return clinic


def test_the_status_and_the_doctor_say_which_channel_does_not_work_and_why(clinic: Clinic) -> None:
    async def fail(connection: Connection, _: object) -> None:
        memory = ChannelMemory(time.time() - 3600, last=time.time() - 600)
        await ChannelMemories(connection).remember("desk", in_vain(memory, "it hung", time.time()))

    stored(clinic, fail)
    line = lines(clinic)["desk"]
    assert (line["section"], line["says"]) == ("Notifications", "last message 10 min ago; 1 try in vain: it hung")
    assert line["trouble"] == {"code": "notifications-undelivered", "about": "desk", "district": "", "count": 0}
    troubles = clinic.troubles()
    assert troubles[Code.NOTIFICATIONS_UNDELIVERED]["what"] == "messages by desk"
    assert troubles[Code.CHANNEL_ADDRESS]["what"] == "channel plain"


def test_the_status_counts_accepted_risks_that_end_within_two_weeks(clinic: Clinic) -> None:
    with clinic.redis() as redis:
        now = time.time()
        ends = {f"lakeside:finding:fnd_{days}": int((now + days * 86_400) * 1000) for days in (3, 13, 15)}
        redis.zadd(APPOINTMENTS, ends)
    told = json.loads(CliRunner(env=clinic.environment).invoke(main, ["status", "--json"]).stdout)
    (line,) = (line for line in told["lines"] if line["what"] == "accepted risks")
    assert (line["level"], line["trouble"]) == ("ok", None)
    assert line["says"].startswith("2 end within 14 days, the first at ")
    assert line["says"].endswith("(lakeside:finding:fnd_3)")
    assert told["accepted_risks"]["ending"] == 2


def test_the_status_names_webhook_secrets_that_end(clinic: Clinic) -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 3 * 86_400))
    ended = "2020-01-31"
    text = clinic.path.read_text()
    one = "secrets: [{env: SCHOOLSCAN_WEBHOOK_SECRET}]"
    assert one in text
    clinic.path.write_text(text.replace(one, f"secrets: [{{env: ONE, until: {ended}}}, {{env: TWO, until: {day}}}]"))
    result = CliRunner(env=clinic.environment).invoke(main, ["status", "--json"])
    told = [line for line in json.loads(result.stdout)["lines"] if line["section"] == "Webhook secrets"]
    assert [(line["says"].partition(" at ")[0], line["level"]) for line in told] == [
        ("the secret ONE has ended", "warning"),
        ("the secret TWO ends", "warning"),
    ]
    clinic.path.write_text(text.replace(one, f"secrets: [{{env: ONE, until: {ended}}}]"))
    result = CliRunner(env=clinic.environment).invoke(main, ["status", "--json"])
    (line,) = (line for line in json.loads(result.stdout)["lines"] if line["section"] == "Webhook secrets")
    assert (line["trouble"]["code"], line["level"]) == ("webhook-secret-ended", "failure")
