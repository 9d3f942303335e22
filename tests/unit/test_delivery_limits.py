"""`delivery_limit` in mappings.yaml: what may be written, and what it comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.deliveries.events import DeliveryLimit
from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.signing_in import LimitWords
from remediation.mapping.reading.loading import Loaded, loaded_of

TEXT = """\
version: 1
districts:
  lakeside:
    schoolscan:
      token: {env: TOKEN}
      webhook: {secrets: [{env: HOOK}], delivery_limit: WRITTEN}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {basic: {user: remedy, password: {env: JIRA_TOKEN}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""


def written(limit: str) -> Loaded:
    return loaded_of(TEXT.replace("WRITTEN", limit), "m.yaml")


def limit_of(words: str) -> DeliveryLimit | None:
    return written(words).mappings.districts["lakeside"].schoolscan.webhook.limit(None)


@given(count=st.integers(1, 999_999), unit=st.sampled_from("sm"), burst=st.none() | st.integers(1, 100_000))
def test_every_rate_has_its_interval_and_a_burst_of_at_least_one(count: int, unit: str, burst: int | None) -> None:
    limit = LimitWords.model_validate({"rate": f"{count}/{unit}", "burst": burst}).limit
    a_second = count / (1 if unit == "s" else 60)
    assert limit.interval == pytest.approx(1 / a_second, rel=1e-6, abs=1e-6)
    assert limit.burst >= 1
    assert burst is None or limit.burst == burst
    assert burst is not None or limit.burst == pytest.approx(10 * a_second, rel=0.6, abs=1)


@given(text=st.text(max_size=12))
def test_what_is_no_rate_is_refused(text: str) -> None:
    count, _, unit = text.partition("/")
    if unit in {"s", "m"} and count.isascii() and count.isdecimal() and not count.startswith("0") and len(count) <= 6:
        return
    with pytest.raises(ValueError, match="20/s or 600/m"):
        LimitWords.model_validate({"rate": text})


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ("{rate: 20/s}", DeliveryLimit(0.05, 200)),
        ("{rate: 600/m}", DeliveryLimit(0.1, 100)),
        ("{rate: 1/m}", DeliveryLimit(60.0, 1)),
        ("{rate: 20/s, burst: 7}", DeliveryLimit(0.05, 7)),
        ("null", None),
    ],
)
def test_a_limit_is_what_it_says(words: str, limit: DeliveryLimit | None) -> None:
    assert limit_of(words) == limit


@pytest.mark.parametrize(
    ("words", "place", "says"),
    [
        ("{rate: 20}", "6:64", "delivery_limit.rate: must be a whole number of deliveries a second or a minute"),
        ("{rate: 0/s}", "6:64", "delivery_limit.rate: must be a whole number of deliveries"),
        ("{rate: 20/h}", "6:64", "delivery_limit.rate: must be a whole number of deliveries"),
        ("{burst: 20}", "6:41", "delivery_limit.rate: is missing"),
        ("{rate: 20/s, burst: 0}", "6:77", "delivery_limit.burst: must be at least 1"),
        ("{rate: 20/s, burst: many}", "6:77", "delivery_limit.burst: must be a whole number"),
        (
            "{rate: 20/s, bursts: 2}",
            "6:70",
            "delivery_limit.bursts: is not known here; did you mean 'burst'? (allowed: burst, rate)",
        ),
        ("20/s", "6:57", "delivery_limit: must be a map of words and their values"),
    ],
)
def test_what_is_wrong_with_a_limit_is_told_with_its_place(words: str, place: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        written(words)
    assert str(caught.value).startswith(f"m.yaml:{place}: ")
    assert says in str(caught.value)
