"""What mappings.yaml says of feeds of incidents."""

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from remediation.domain.errors import ConfigurationError
from remediation.domain.walks import SchoolYear, Timetable
from remediation.mapping.config.schema import District
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.secrets import worker_secrets
from remedy.runtime.assembly import worker_files

HEAD = """\
version: 1
districts:
  lakeside:
    schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: S}}]}}}}
    incidents: {{handbook: {{{feed}}}}}
trackers:
  jira: {{kind: jira, url: "https://jira.example", auth: {{basic: {{user: remedy, password: {{env: J}}}}}}}}
templates: {{body: x}}
rules: [{{name: all, tickets: {{jira: {{project: SEC}}}}}}]
"""
TOKEN = "token: {env: HANDBOOK_TOKEN}"


def loaded(feed: str) -> Loaded:
    return loaded_of(HEAD.format(feed=feed), "m.yaml")


def lakeside(feed: str) -> District:
    return loaded(feed).mappings.districts["lakeside"]


def test_a_feed_needs_no_more_than_its_token() -> None:
    feed = lakeside(TOKEN).incidents["handbook"]
    assert str(feed.url) == "https://api.educatorshandbook.com/public/v1"
    usual = Timetable(ZoneInfo("UTC"), SchoolYear(8, 1), timedelta(minutes=10), timedelta(days=7), time(2, 0))
    assert feed.timetable == usual
    assert feed.incident_link is None


def test_a_feed_is_read_when_it_says() -> None:
    words = 'school_year: {begins: 02-29}, time_zone: America/Chicago, every: 1h, overlap: 30d, sweep_at: "23:30"'
    assert lakeside(f"{TOKEN}, {words}").incidents["handbook"].timetable == Timetable(
        ZoneInfo("America/Chicago"), SchoolYear(2, 29), timedelta(hours=1), timedelta(days=30), time(23, 30)
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("url: https://x.example", "incidents.handbook.token: is missing"),
        ("token: plain", "secrets are given by reference"),
        (f"{TOKEN}, types: [minor]", "types: is not known here; allowed: every, incident_link, overlap, school_year, "),
        (f"{TOKEN}, school_year: {{begins: 13-01}}", 'begins: must be a month and a day, such as "08-01"'),
        (f"{TOKEN}, school_year: {{begins: 02-30}}", "begins: must be a month and a day"),
        (f"{TOKEN}, school_year: {{begins: 8}}", "begins: must be a month and a day"),
        (f"{TOKEN}, school_year: {{begins: 8-1}}", "begins: must be a month and a day"),
        (f'{TOKEN}, sweep_at: "24:00"', 'sweep_at: must be a time of the day, such as "02:00"'),
        (f"{TOKEN}, sweep_at: 2", "sweep_at: must be a time of the day"),
        (f"{TOKEN}, time_zone: America/Chicaco", "time_zone: must be a time zone by its name, such as America/Chicago"),
        (f"{TOKEN}, time_zone: America", "time_zone: must be a time zone by its name"),
        (f"{TOKEN}, time_zone: ../../etc/passwd", "time_zone: must be a time zone by its name"),
        (f"{TOKEN}, time_zone: ''", "time_zone: must be a time zone by its name"),
        (f"{TOKEN}, every: 30s", "every: must be at least 1m"),
        (f"{TOKEN}, every: 2d", "every: must be at most 1d: the whole school year is read every night"),
        (f"{TOKEN}, overlap: 1h", "overlap: must be at least 1d"),
        (f"{TOKEN}, incident_link: https://x.example/", "incident_link: must contain {id}"),
        (f"{TOKEN}, url: http://x.example", "url: must begin with https://"),
    ],
)
def test_what_a_feed_cannot_be_is_refused(words: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(words)
    (problem,) = caught.value.problems
    assert told in problem.message
    assert problem.line == 5


def test_the_token_of_a_feed_is_read_like_every_other_secret(tmp_path: Path) -> None:
    environ = {"T": "test-only-one", "J": "test-only-two"}
    with pytest.raises(
        ConfigurationError, match=r"incidents\.handbook\.token: environment variable HANDBOOK_TOKEN is no"
    ):
        worker_secrets(loaded(TOKEN), environ)
    file = tmp_path / "token"
    file.write_text("test-only-three\n", encoding="utf-8")
    in_file = loaded(f"token: {{file: {file}}}")
    assert worker_secrets(in_file, environ).feeds == {"lakeside/handbook": "test-only-three"}
    assert file in set(worker_files(in_file.mappings))


def test_feeds_of_one_district_that_agree_tell_where_its_incidents_are_and_when_a_day_begins() -> None:
    words = f"{TOKEN}, time_zone: America/Chicago, incident_link: 'https://x.example/{{id}}'"
    both = lakeside(f"{words}}}, other: {{{words}")
    assert (both.incident_link, both.incident_zone) == ("https://x.example/{id}", ZoneInfo("America/Chicago"))
    apart = lakeside(f"{words}}}, other: {{{TOKEN}")
    assert (apart.incident_link, str(apart.incident_zone)) == ("", "UTC")
