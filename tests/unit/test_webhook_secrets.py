"""The secrets of the senders: which are read, which could never work, and when each of them ends."""

import base64
import string
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.deliveries.webhook_secrets import WebhookSecret, end_of, standard_key
from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.webhook_secrets import end_warnings, ended_senders, secret_ids, webhook_secrets

TEXT = """\
version: 1
districts:
  lakeside:
    schoolscan:
      token: {env: LAKESIDE_TOKEN}
      webhook: {secrets: [{env: LAKESIDE_NEW}, {env: LAKESIDE_OLD}]}
  harbor:
    schoolscan:
      token: {env: HARBOR_TOKEN}
      webhook: {secrets: [{env: HARBOR_WEBHOOK}]}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {basic: {user: remedy, password: {env: JIRA_TOKEN}}}}
  now: {kind: servicenow, url: "https://now.example", auth: {bearer: {env: NOW_TOKEN}},
        webhook: {secrets: [{env: TOLD}]}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""
WEBHOOKS = {
    "LAKESIDE_NEW": "test-only-new",
    "LAKESIDE_OLD": "test-only-old",
    "HARBOR_WEBHOOK": "It's a test-only",
    "TOLD": "test-only-told",
}
ALPHABET = string.ascii_letters + string.digits + "+/"
NOON = datetime(2026, 4, 15, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0
OLD = "{env: LAKESIDE_OLD}"


def written(old: str = OLD, new: str = "{env: LAKESIDE_NEW}") -> Loaded:
    return loaded_of(TEXT.replace(OLD, old).replace("{env: LAKESIDE_NEW}", new), "m.yaml")


def lakeside(loaded: Loaded, now: float = NOON) -> list[str]:
    return [each.id for each in webhook_secrets(loaded, WEBHOOKS, now)[0]["lakeside"]]


# What is read


def test_the_receiver_needs_webhook_secrets_and_nothing_else() -> None:
    districts, trackers = webhook_secrets(written(), WEBHOOKS, NOON)
    assert districts == {
        "lakeside": (WebhookSecret("LAKESIDE_NEW", "test-only-new"), WebhookSecret("LAKESIDE_OLD", "test-only-old")),
        "harbor": (WebhookSecret("HARBOR_WEBHOOK", "It's a test-only"),),
    }
    assert trackers == {"now": (WebhookSecret("TOLD", "test-only-told"),)}
    assert "test-only" not in repr((districts, trackers))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("LAKESIDE_OLD", "m.yaml:6:48: districts.lakeside.schoolscan.webhook.secrets[1]"),
        ("TOLD", "m.yaml:14:29: trackers.now.webhook.secrets[0]"),
    ],
)
def test_a_missing_webhook_secret_is_named_by_its_number(name: str, place: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        webhook_secrets(written(), {**WEBHOOKS, name: ""}, NOON)
    assert str(caught.value) == f"{place}: environment variable {name} is empty"


@pytest.mark.parametrize(
    ("old", "ids"),
    [
        ("{env: LAKESIDE_OLD, id: 2025-11}", ["LAKESIDE_NEW", "2025-11"]),
        ("{env: LAKESIDE_OLD, id: 7}", ["LAKESIDE_NEW", "7"]),
        ("{env: LAKESIDE_OLD, id: null, until: null}", ["LAKESIDE_NEW", "LAKESIDE_OLD"]),
    ],
)
def test_an_entry_is_called_by_its_id_and_else_by_where_it_is(old: str, ids: list[str]) -> None:
    assert lakeside(written(old)) == ids
    assert secret_ids(written(old).mappings, NOON) == {
        "schoolscan/lakeside": tuple(ids),
        "schoolscan/harbor": ("HARBOR_WEBHOOK",),
        "servicenow/now": ("TOLD",),
    }


@pytest.mark.parametrize(
    ("old", "place", "says"),
    [
        ("{env: LAKESIDE_OLD, id: LAKESIDE_NEW}", "6:26: ", ".webhook.secrets: must not use the id LAKESIDE_NEW twice"),
        ("{env: LAKESIDE_OLD, id: a b}", "6:72: ", "secrets[1].id: an id has 1 to 40 letters"),
        ("{env: LAKESIDE_OLD, until: 2026-02-30}", "6:75: ", "secrets[1].until: must be a day, such as 2026-12-31"),
        ("{env: LAKESIDE_OLD, until: 2026-2-3}", "6:75: ", "secrets[1].until: must be a day"),
        ("{env: LAKESIDE_OLD, until: '2026-03-04T10:00'}", "6:75: ", "secrets[1].until: must be a day"),
        (
            "{env: LAKESIDE_OLD, ends: 2026-12-31}",
            "6:68: ",
            "secrets[1].ends: is not known here; allowed: env, id, until",
        ),
        ("{env: LAKESIDE_OLD, file: /run/old}", "6:48: ", "secrets are given by reference"),
        ("{id: old}", "6:48: ", "secrets are given by reference"),
        ("test-only-inline", "6:48: ", "secrets are given by reference"),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_with_its_place(old: str, place: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        written(old)
    assert str(caught.value).startswith(f"m.yaml:{place}")
    assert says in str(caught.value)
    assert "test-only" not in str(caught.value)


# Ends


@given(day=st.dates(max_value=date(9999, 12, 31)))
def test_a_last_day_counts_to_its_end_in_utc(day: date) -> None:
    secret = WebhookSecret("old", "test-only", end_of(day))
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    assert secret.counts_at(begins)
    assert secret.counts_at(begins + DAY - 0.01)
    assert not secret.counts_at(begins + DAY)


def test_without_a_last_day_a_secret_counts_for_ever() -> None:
    assert WebhookSecret("new", "test-only").counts_at(float(2**60))


def test_a_secret_that_has_ended_is_neither_used_nor_missed() -> None:
    loaded = written("{env: GONE, until: 2026-04-14}")
    assert lakeside(loaded) == ["LAKESIDE_NEW"]
    with pytest.raises(ConfigurationError, match="GONE is not set"):
        lakeside(loaded, NOON - DAY)


def test_a_sender_of_whom_every_secret_has_ended_is_refused_with_its_place() -> None:
    loaded = written("{env: LAKESIDE_OLD, until: 2026-04-01}", "{env: LAKESIDE_NEW, until: 2026-04-14}")
    with pytest.raises(ConfigurationError) as caught:
        webhook_secrets(loaded, WEBHOOKS, NOON)
    assert str(caught.value) == (
        "m.yaml:6:26: districts.lakeside.schoolscan.webhook.secrets: "
        "every one has ended: add the secret with which the sender signs now"
    )
    assert ended_senders(loaded, NOON) == list(caught.value.problems)
    assert ended_senders(loaded, NOON - DAY) == []


@pytest.mark.parametrize(
    ("until", "says"),
    [
        ("2026-04-14", ["m.yaml:6:75: districts.lakeside.schoolscan.webhook.secrets[1].until: has ended"]),
        ("2026-04-15", ["m.yaml:6:75: districts.lakeside.schoolscan.webhook.secrets[1].until: ends within a week"]),
        ("2026-04-21", ["m.yaml:6:75: districts.lakeside.schoolscan.webhook.secrets[1].until: ends within a week"]),
        ("2026-04-22", []),
    ],
)
def test_an_end_is_warned_of_when_it_is_near_or_past(until: str, says: list[str]) -> None:
    warnings = end_warnings(written(f"{{env: LAKESIDE_OLD, until: {until}}}"), NOON)
    assert [str(each).partition(": ends")[0].partition(": has")[0] for each in warnings] == [
        each.partition(": ends")[0].partition(": has")[0] for each in says
    ]
    assert all(words.rpartition(": ")[2] in str(each) for each, words in zip(warnings, says, strict=True))


def test_a_sender_whose_secrets_all_end_is_warned_of_long_before() -> None:
    loaded = written("{env: LAKESIDE_OLD, until: 2026-06-01}", "{env: LAKESIDE_NEW, until: 2027-06-01}")
    (warning,) = end_warnings(loaded, NOON)
    assert str(warning) == (
        "m.yaml:6:26: districts.lakeside.schoolscan.webhook.secrets: all of them end: after 2027-06-01 nothing of this "
        "sender verifies; the newest needs no `until`"
    )
    assert end_warnings(written(), NOON) == []


# What could never work


@given(key=st.binary(min_size=1, max_size=80))
def test_a_standard_secret_is_read_with_and_without_padding(key: bytes) -> None:
    padded = base64.b64encode(key).decode()
    assert standard_key(f"whsec_{padded}") == key
    assert standard_key(f"whsec_{padded.rstrip('=')}") == key


@given(text=st.text(max_size=60))
def test_no_other_text_is_read_as_a_standard_secret(text: str) -> None:
    assert standard_key(text) is None or text.startswith("whsec_")
    key = standard_key(f"whsec_{text}")
    assert key is None or (set(text) <= {*ALPHABET, "="} and len(key) == len(text.rstrip("=")) * 6 // 8)


@pytest.mark.parametrize(
    "behind", ["", "A", "AAAAA", "not base64", "AAAA-_AA", "AAAA AAA", "=", "QQ==QQ==", "QQ===", "QUJD\n", "QUJ\u0434"]
)
@pytest.mark.parametrize("signature", ["standard", "auto"])
def test_a_standard_secret_that_is_no_base64_is_refused_with_its_place(behind: str, signature: str) -> None:
    text = TEXT.replace("[{env: HARBOR_WEBHOOK}]", f"[{{env: HARBOR_WEBHOOK}}], signature: {signature}")
    if behind.endswith("\n"):
        assert webhook_secrets(loaded_of(text, "m.yaml"), {**WEBHOOKS, "HARBOR_WEBHOOK": f"whsec_{behind}"}, NOON)
        return
    with pytest.raises(ConfigurationError) as caught:
        webhook_secrets(loaded_of(text, "m.yaml"), {**WEBHOOKS, "HARBOR_WEBHOOK": f"whsec_{behind}"}, NOON)
    assert str(caught.value).startswith(
        "m.yaml:10:27: districts.harbor.schoolscan.webhook.secrets[0]: begins with whsec_ and has no base64 behind it"
    )
    assert not behind or behind not in str(caught.value)


@pytest.mark.parametrize("signature", ["hex", "prefixed", "base64", "timestamped"])
def test_in_other_formats_such_a_secret_is_used_as_it_stands(signature: str) -> None:
    text = TEXT.replace("[{env: HARBOR_WEBHOOK}]", f"[{{env: HARBOR_WEBHOOK}}], signature: {signature}")
    environ = {**WEBHOOKS, "HARBOR_WEBHOOK": "whsec_not base64", "TOLD": "whsec_no base64 either"}
    districts, trackers = webhook_secrets(loaded_of(text, "m.yaml"), environ, NOON)
    assert districts["harbor"][0].value == "whsec_not base64"
    assert trackers["now"][0].value == "whsec_no base64 either", "ServiceNow has one format, which is another one"


def test_a_tracker_that_signs_as_standard_webhooks_do_is_held_to_the_same() -> None:
    text = TEXT.replace("[{env: TOLD}]", "[{env: TOLD}], signature: standard")
    with pytest.raises(ConfigurationError, match=r"m\.yaml:14:29: trackers\.now\.webhook\.secrets\[0\]: begins with"):
        webhook_secrets(loaded_of(text, "m.yaml"), {**WEBHOOKS, "TOLD": "whsec_no base64"}, NOON)
