"""When changed files are read again: after they were left alone, never while they are away for a moment."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.watching import ABSENT_POLLS, CALM_POLLS, Stamp, Stamps, Watch, files_named

FILE, SECRET = Path("mappings.yaml"), Path("secret")


def stamp(number: int, target: str = "/etc/remedy/mappings.yaml") -> Stamp:
    return Stamp(target, number, number, 100, 7)


def stamps(number: int | None, secret: int | None = 0) -> Stamps:
    return {
        FILE: None if number is None else stamp(number),
        SECRET: None if secret is None else stamp(secret, "/run/secrets/one"),
    }


def polled(watch: Watch, *seen: Stamps) -> Watch:
    for each in seen:
        watch = watch.after(each)
    return watch


seen_stamps = st.builds(stamps, st.none() | st.integers(0, 2), st.none() | st.integers(0, 2))


def test_what_was_just_read_is_not_read_again() -> None:
    watch = Watch.since(stamps(1))
    assert not watch.is_due(asked=False)
    assert not polled(watch, *[stamps(1)] * 100).is_due(asked=False)


def test_a_changed_file_is_read_when_it_has_been_left_alone() -> None:
    watch = polled(Watch.since(stamps(1)), stamps(2))
    assert not watch.is_due(asked=False)
    assert polled(watch, *[stamps(2)] * CALM_POLLS).is_due(asked=False)


def test_a_file_that_changes_at_every_poll_is_still_being_written() -> None:
    watch = polled(Watch.since(stamps(0)), *(stamps(number) for number in range(1, 50)))
    assert not watch.is_due(asked=False)


@pytest.mark.parametrize(
    "other",
    [
        Stamp("/etc/remedy/..2/mappings.yaml", 1, 1, 100, 7),
        Stamp("/etc/remedy/mappings.yaml", 2, 1, 100, 7),
        Stamp("/etc/remedy/mappings.yaml", 1, 2, 100, 7),
        Stamp("/etc/remedy/mappings.yaml", 1, 1, 101, 7),
        Stamp("/etc/remedy/mappings.yaml", 1, 1, 100, 8),
    ],
    ids=["another target of the link", "written", "made readable", "longer", "replaced"],
)
def test_every_way_of_changing_a_file_is_noticed(other: Stamp) -> None:
    seen = {**stamps(1), FILE: other}
    assert polled(Watch.since(stamps(1)), seen, *[seen] * CALM_POLLS).is_due(asked=False)


def test_a_changed_secret_counts_as_much_as_the_file_itself() -> None:
    assert polled(Watch.since(stamps(1, 1)), *[stamps(1, 2)] * (CALM_POLLS + 1)).is_due(asked=False)


@pytest.mark.parametrize("asked", [False, True])
def test_a_file_that_is_away_for_a_moment_is_waited_for(*, asked: bool) -> None:
    watch = polled(Watch.since(stamps(1)), *[stamps(None)] * ABSENT_POLLS)
    assert not watch.is_due(asked=asked)
    assert polled(watch, stamps(None)).is_due(asked=asked)


def test_a_file_that_was_never_there_is_not_missed() -> None:
    watch = polled(Watch.since(stamps(1, None)), *[stamps(1, None)] * 100)
    assert not watch.is_due(asked=False)
    assert polled(watch, *[stamps(1, 1)] * (CALM_POLLS + 1)).is_due(asked=False)


def test_a_file_that_comes_back_as_it_was_needs_no_reading() -> None:
    watch = polled(Watch.since(stamps(1)), stamps(None), stamps(None), *[stamps(1)] * 10)
    assert not watch.is_due(asked=False)


def test_whoever_asks_need_not_wait() -> None:
    assert Watch.since(stamps(1)).is_due(asked=True)
    assert polled(Watch.since(stamps(1)), stamps(2)).is_due(asked=True)


@given(st.lists(seen_stamps), seen_stamps, seen_stamps)
def test_whatever_happened_before_files_at_rest_are_read_if_they_differ_and_only_then(
    before: list[Stamps], read: Stamps, now: Stamps
) -> None:
    watch = polled(polled(Watch.since(read), *before), *[now] * (ABSENT_POLLS + 1))
    assert watch.is_due(asked=False) is (now != read)


@given(st.lists(seen_stamps, min_size=1), seen_stamps)
def test_nothing_is_read_at_the_very_poll_that_sees_a_difference(before: list[Stamps], read: Stamps) -> None:
    watch = Watch.since(read)
    for seen in before:
        differs = seen != watch.seen
        watch = watch.after(seen)
        assert not (differs and watch.is_due(asked=False))


def mappings() -> Mappings:
    return Mappings.model_validate(
        {
            "version": 1,
            "districts": {
                "lakeside": {
                    "schoolscan": {
                        "url": "https://api.schoolscan.example/v1",
                        "token": {"file": "/run/secrets/token"},
                        "webhook": {"secrets": [{"file": "/run/secrets/webhook"}, {"env": "OLD_WEBHOOK_SECRET"}]},
                    }
                }
            },
            "trackers": {
                "jira": {
                    "kind": "jira",
                    "deployment": "data_center",
                    "url": "https://jira.example",
                    "auth": {"bearer": {"file": "/run/secrets/jira"}},
                    "ca_file": "/etc/ssl/jira.pem",
                }
            },
            "rules": [{"name": "all", "tickets": {"jira": {"project": "SEC"}}}],
            "templates": {"summary": "Exposed", "body": "What to do"},
        }
    )


def test_every_file_that_mappings_refer_to_is_found_and_nothing_else() -> None:
    assert sorted(map(str, files_named(mappings()))) == [
        "/etc/ssl/jira.pem",
        "/run/secrets/jira",
        "/run/secrets/token",
        "/run/secrets/webhook",
    ]


@pytest.mark.parametrize("value", [None, 1, "text", b"bytes", [], {"a": [("b", None)]}, {1, 2}])
def test_values_without_files_name_none(value: object) -> None:
    assert list(files_named(value)) == []
