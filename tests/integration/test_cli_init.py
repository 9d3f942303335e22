"""`remedy init` writes a file that fits the systems, asks what it may ask, and keeps what people wrote."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.mapping.reading.loading import load_mappings
from remedy.main import main
from sandbox.jira.stand_in import SERVICE
from sandbox.secrets import ENVIRONMENT
from sandbox.servicenow.stand_in import INTEGRATION
from tests.integration.live_world import READS, LiveWorld, live_world

CLOUD_ID = "11223344-a1b2-3b33-c444-def123456789"
CLEAN = {"MAPPINGS_PATH": "", "REDIS_URL": "", "DATA_KEYS": "", "LOG_LEVEL": "", "OUTBOUND_PROXY": ""}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LiveWorld]:
    with live_world(tmp_path) as world:
        yield world


def file_of(world: LiveWorld) -> Path:
    return world.folder / "mappings.yaml"


def init(world: LiveWorld, *words: str, answers: str | None = None) -> Result:
    environment = {**CLEAN, **world.secrets}
    arguments = ["init", "--output", str(file_of(world)), *words]
    return CliRunner(env=environment).invoke(main, arguments, input=answers)


def schoolscan(world: LiveWorld) -> tuple[str, ...]:
    return ("--district", "lakeside", "--schoolscan", f"{world.addresses['schoolscan']}/v1")


def jira(world: LiveWorld, *more: str) -> tuple[str, ...]:
    return ("--jira", world.addresses["jira"], "--jira-user", SERVICE.email, *more)


def servicenow(world: LiveWorld, *more: str) -> tuple[str, ...]:
    return ("--servicenow", world.addresses["servicenow"], "--servicenow-user", INTEGRATION.user_name, *more)


def everything(world: LiveWorld) -> tuple[str, ...]:
    group = ("--servicenow-group", "Privacy Office")
    return (*schoolscan(world), *jira(world, "--jira-project", "SEC"), *servicenow(world, *group))


def checked(world: LiveWorld) -> Result:
    world.text = file_of(world).read_text(encoding="utf-8")
    return world.check()


def test_what_is_written_fits_the_systems_and_a_finding_gets_its_tickets_by_it(world: LiveWorld) -> None:
    result = init(world, *everything(world))
    assert result.exit_code == 0, result.output
    assert "Jira (jira): signs in as service-remedy; Jira Cloud" in result.stdout
    live = checked(world)
    assert (world.lines(live), live.exit_code) == ([], 0), live.output
    assert ", 0 wrong," in live.stdout
    finding = world.folder / "finding.json"
    finding.write_text(json.dumps({"id": "fnd_1", "severity": "critical", "domain_type": "direct_pii"}))
    explained = CliRunner(env={**CLEAN, "MAPPINGS_PATH": str(file_of(world))}).invoke(
        main, ["mappings", "explain", str(finding), "--json"]
    )
    assert explained.exit_code == 0, explained.output
    assert '"SEC"' in explained.stdout
    assert "287ebd7da9fe198100f92cc8d1d2154e" in explained.stdout


def test_no_secret_is_written_and_nothing_but_reads_is_sent(world: LiveWorld) -> None:
    result = init(world, *everything(world))
    text = file_of(world).read_text(encoding="utf-8")
    for secret in ENVIRONMENT.values():
        assert secret not in text
        assert secret not in result.output
    assert "SCHOOLSCAN_WEBHOOK_SECRET" in result.stdout
    assert {method for method, _ in world.journal()} == {"GET"} <= READS


@pytest.mark.parametrize("kind", ["jira", "servicenow"])
def test_one_tracker_is_enough(world: LiveWorld, kind: str) -> None:
    only = jira(world, "--jira-project", "WEB") if kind == "jira" else servicenow(world)
    result = init(world, *schoolscan(world), *only)
    assert result.exit_code == 0, result.output
    assert [list(rule.tickets) for rule in load_mappings(file_of(world)).mappings.rules] == [[kind]]
    assert checked(world).exit_code == 0


def test_a_data_center_says_itself_what_it_is(tmp_path: Path) -> None:
    with live_world(tmp_path, deployment="data_center") as world:
        token = tmp_path / "jira-token"
        token.write_text(f"{SERVICE.token}\n")
        named = ("--jira", world.addresses["jira"], "--jira-token-file", str(token), "--jira-project", "PRIV")
        result = init(world, *schoolscan(world), *named)
        assert result.exit_code == 0, result.output
        assert "Jira Data Center" in result.stdout
        assert "deployment: data_center" in file_of(world).read_text(encoding="utf-8")
        assert checked(world).exit_code == 0


def test_a_deployment_that_is_said_is_proposed_for_a_file_that_is_there(tmp_path: Path) -> None:
    with live_world(tmp_path, deployment="data_center") as world:
        said = ("--jira", world.addresses["jira"], "--jira-project", "PRIV", "--jira-deployment")
        assert init(world, *schoolscan(world), *said, "data_center").exit_code == 0
        assert init(world, "--jira-deployment", "data_center").exit_code == 0
        written = file_of(world).read_text(encoding="utf-8")
        file_of(world).write_text(written.replace("    deployment: data_center\n", ""), encoding="utf-8")
        result = init(world, "--jira-deployment", "data_center", "--apply")
        assert result.exit_code == 0, result.output
        assert "+    deployment: data_center" in result.stdout
        jira = load_mappings(file_of(world)).mappings.trackers["jira"]
        assert isinstance(jira, JiraTracker)
        assert jira.deployment == "data_center"


def test_a_token_with_scopes_signs_in_at_the_gateway(world: LiveWorld) -> None:
    scoped = ("--jira-cloud-id", CLOUD_ID, "--jira-gateway", world.addresses["jira"], "--jira-project", "SEC")
    result = init(world, *schoolscan(world), "--jira", world.addresses["jira"], *scoped)
    assert result.exit_code == 0, result.output
    assert checked(world).exit_code == 0


def test_another_district_is_added_to_a_file_that_is_there(world: LiveWorld) -> None:
    init(world, *everything(world))
    account = ("--schoolscan", f"{world.addresses['schoolscan']}/v1")
    result = init(world, "--district", "hillside", *account, "--apply")
    assert result.exit_code == 0, result.output
    assert list(load_mappings(file_of(world)).mappings.districts) == ["hillside", "lakeside"]


@pytest.mark.parametrize(
    ("way", "variable", "secret"),
    [
        (("--servicenow-client-id", INTEGRATION.user_name), "NOW_CLIENT", INTEGRATION.client_secret),
        (("--servicenow-auth", "bearer"), "NOW_TOKEN", INTEGRATION.token),
        (("--servicenow-auth", "api_key"), "NOW_KEY", INTEGRATION.api_key),
    ],
)
def test_every_way_of_signing_in_to_servicenow_is_written(
    world: LiveWorld, way: tuple[str, ...], variable: str, secret: str
) -> None:
    world.secrets[variable] = secret
    named = ("--servicenow", world.addresses["servicenow"], "--servicenow-secret-env", variable)
    result = init(world, *schoolscan(world), *named, *way)
    assert result.exit_code == 0, result.output
    assert checked(world).exit_code == 0


def test_secrets_that_do_not_sign_in_are_one_message_each_and_nothing_is_written(world: LiveWorld) -> None:
    world.secrets |= {"JIRA_TOKEN": "test-only-wrong", "SERVICENOW_PASSWORD": "test-only-wrong"}
    result = init(world, *everything(world))
    assert result.exit_code == 2
    jiras, snow = sorted(result.stderr.splitlines())
    assert jiras.startswith("error: Jira (JIRA_TOKEN): does not sign in (jira: 401")
    assert snow.startswith("error: ServiceNow (SERVICENOW_PASSWORD): does not sign in")
    assert "test-only" not in result.output
    assert not file_of(world).exists()


def test_a_system_that_is_away_is_named_and_nothing_is_written(world: LiveWorld) -> None:
    world.fault("jira", kind="reset", times=None)
    result = init(world, *everything(world))
    assert result.exit_code == 3
    assert f"Jira at {world.addresses['jira']}" in result.stderr
    assert "nothing was written" in result.stderr
    assert list(world.folder.glob("*.yaml")) == []


def test_an_address_that_is_none_and_a_system_s_own_wrong_page_are_told_apart(world: LiveWorld) -> None:
    result = init(world, *schoolscan(world), "--jira", "lakeside.atlassian.example", "--jira-user", "a@b.example")
    assert result.exit_code == 2
    assert "Jira: url: must be an address" in result.stderr
    nowhere = ("--jira", f"{world.addresses['jira']}/nowhere", "--jira-user", SERVICE.email)
    result = init(world, *schoolscan(world), *nowhere)
    assert result.exit_code == 2
    assert "is not the address of its API" in result.stderr


def test_a_project_that_nobody_chose_is_left_to_a_person_and_said(world: LiveWorld) -> None:
    result = init(world, *schoolscan(world), *jira(world))
    assert result.exit_code == 1
    assert "defaults.tickets.jira.project: which project are issues opened in? there is BARE" in result.stdout
    text = file_of(world).read_text(encoding="utf-8")
    assert "# STILL TO BE SET:" in text
    file_of(world).write_text(text.replace("# project: BARE", "project: WEB"))
    assert checked(world).exit_code == 0


def test_what_a_project_requires_is_a_comment_and_said_once(world: LiveWorld) -> None:
    result = init(world, *schoolscan(world), *jira(world, "--jira-project", "FORM"))
    assert result.exit_code == 1
    assert result.stdout.count("School site") == 1
    text = file_of(world).read_text(encoding="utf-8")
    assert "# customfield_10010:" in text
    assert "due: null" in text
    told = text.replace("      # fields:", "      fields:").replace(
        '        # customfield_10010: "…"', "        customfield_10010: West"
    )
    file_of(world).write_text(told)
    live = checked(world)
    assert (world.lines(live), live.exit_code) == ([], 0), live.output


def test_fields_go_by_their_names(world: LiveWorld) -> None:
    fields = ("--jira-field", "school site=West", "--jira-risk-reason", "Risk justification")
    risk = ("--jira-risk-expiry", "customfield_10052")
    result = init(world, *schoolscan(world), *jira(world, "--jira-project", "FORM", *fields, *risk))
    assert result.exit_code == 0, result.output
    text = file_of(world).read_text(encoding="utf-8")
    assert "customfield_10010: West  # School site" in text
    assert "risk_reason: customfield_10051  # Risk justification" in text
    assert "risk_expiry: customfield_10052  # Risk expires" in text
    assert checked(world).exit_code == 0
    level = ("--jira-project", "SEC", "--jira-field", "Security Level=privacy office")
    shown = init(world, "--output", str(world.folder / "b.yaml"), *schoolscan(world), *jira(world, *level), "--dry-run")
    assert "security_level: Privacy office" in shown.stdout


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (("--jira-field", "Schol=West"), "--jira-field: no fields are called Schol there; there is"),
        (("--jira-field", "Security Level=Nobody"), "Security Level cannot be Nobody; there is Privacy office"),
        (("--jira-field", "Priority=High"), "Priority has a word of its own"),
        (("--jira-field", "School site"), "School site: write NAME=VALUE"),
        (("--jira-risk-expiry", "Until"), "--jira-risk-expiry: no fields are called Until; there is"),
    ],
)
def test_a_field_that_is_not_there_is_named_with_those_that_are(
    world: LiveWorld, named: tuple[str, ...], says: str
) -> None:
    result = init(world, *schoolscan(world), *jira(world, "--jira-project", "SEC", *named))
    assert (result.exit_code, says in result.stderr) == (2, True), result.output


def test_columns_get_what_options_say(world: LiveWorld) -> None:
    world.set("servicenow", mandatory=["category"])
    fields = ("--servicenow-field", "Category=SOFTWARE", "--servicenow-risk-reason", "close_notes")
    result = init(world, *schoolscan(world), *servicenow(world, *fields))
    assert result.exit_code == 0, result.output
    assert "category: software" in file_of(world).read_text(encoding="utf-8")
    assert checked(world).exit_code == 0
    file_of(world).unlink()
    for said, says in {
        "category=sofware": "category cannot be sofware; there is database",
        "catgory=software": "incident has no column catgory; there is",
        "impact=1": "impact has a word of its own",
    }.items():
        refused = init(world, *schoolscan(world), *servicenow(world, "--servicenow-field", said))
        assert (refused.exit_code, says in refused.stderr) == (2, True), refused.output


def test_what_a_project_requires_is_asked_for_on_a_terminal(world: LiveWorld) -> None:
    answers = ["lakeside", world.addresses["jira"], SERVICE.email, "", "FORM", "", "West"]
    named = ("--ask", "--schoolscan", f"{world.addresses['schoolscan']}/v1")
    result = init(world, *named, answers="".join(f"{each}\n" for each in answers))
    assert result.exit_code == 0, result.output
    assert "customfield_10010: West" in file_of(world).read_text(encoding="utf-8")


def test_what_our_account_may_not_do_is_said_and_stands_in_the_file(world: LiveWorld) -> None:
    world.set("jira", withheld=["ADD_COMMENTS"])
    result = init(world, *everything(world))
    assert result.exit_code == 1
    assert "our account may not comment on issues in SEC" in result.stdout
    assert "our account may not comment on issues in SEC" in file_of(world).read_text(encoding="utf-8")


def test_what_could_not_be_asked_any_more_is_said(world: LiveWorld) -> None:
    world.fault("jira", kind="status", status=503, path="mypermissions", times=None)
    result = init(world, *everything(world))
    assert result.exit_code == 1
    assert "what our account may do in SEC" in result.stdout
    assert file_of(world).exists()


def test_a_mandatory_column_gets_what_is_known_or_is_asked_for(world: LiveWorld) -> None:
    world.set("servicenow", mandatory=["caller_id", "category"])
    result = init(world, *schoolscan(world), *servicenow(world))
    assert result.exit_code == 1
    assert "fields.category: category is mandatory; there is database, hardware" in result.stdout
    text = file_of(world).read_text(encoding="utf-8")
    assert f"caller_id: {INTEGRATION.user_name}" in text
    file_of(world).write_text(text.replace("# category: ", "category: "))
    assert checked(world).exit_code == 0


@pytest.mark.parametrize(
    ("named", "option", "says"),
    [
        (("--jira-project", "SEK"), "--jira-project", "in no project SEK; there is BARE"),
        (("--jira-project", "SEC", "--jira-type", "Tasc"), "--jira-type", "no Tasc can be created there; there is"),
    ],
)
def test_a_choice_that_is_not_there_is_named_with_those_that_are(
    world: LiveWorld, named: tuple[str, ...], option: str, says: str
) -> None:
    result = init(world, *schoolscan(world), *jira(world, *named))
    assert result.exit_code == 2
    assert option in result.stderr
    assert says in result.stderr
    assert not file_of(world).exists()


@pytest.mark.parametrize(
    ("group", "says"),
    [("Privacy", "there is no group Privacy that our account can see"), ("Service Desk", "2 groups are called")],
)
def test_a_group_that_is_not_one_is_refused(world: LiveWorld, group: str, says: str) -> None:
    result = init(world, *schoolscan(world), *servicenow(world, "--servicenow-group", group))
    assert result.exit_code == 2
    assert says in result.stderr


def test_another_table_has_its_own_words_or_is_refused(world: LiveWorld) -> None:
    result = init(world, *schoolscan(world), *servicenow(world, "--servicenow-table", "sn_si_incident"))
    assert result.exit_code == 0, result.output
    assert checked(world).exit_code == 0
    file_of(world).unlink()
    nowhere = init(world, *schoolscan(world), *servicenow(world, "--servicenow-table", "u_nowhere"))
    assert nowhere.exit_code == 2
    assert "ServiceNow: there is no table u_nowhere" in nowhere.stderr
    world.set("servicenow", no_query=["incident"])
    barred = init(world, *schoolscan(world), *servicenow(world))
    assert barred.exit_code == 2
    assert "grant it read access to incident" in barred.stderr


def test_a_second_run_proposes_nothing_where_nothing_has_changed(world: LiveWorld) -> None:
    init(world, *everything(world))
    before = file_of(world).read_bytes()
    result = init(world)
    assert (result.exit_code, file_of(world).read_bytes()) == (0, before)
    assert "nothing of it is to be changed" in result.stdout


def test_a_second_run_shows_what_would_change_and_keeps_what_people_wrote(world: LiveWorld) -> None:
    init(world, *schoolscan(world), *jira(world, "--jira-project", "SEC"))
    mine = file_of(world).read_text(encoding="utf-8")
    mine = mine.replace("  tickets:\n    jira:\n", "  tickets:\n    jira:   # ours: ask Priya\n").replace(
        "priority: {critical: Highest,", "priority: {critical: Burning,"
    )
    file_of(world).write_text(mine)
    result = init(world, "--jira-project", "WEB", *servicenow(world, "--servicenow-group", "Web Team"))
    assert result.exit_code == 1
    assert file_of(world).read_text(encoding="utf-8") == mine
    assert "-      project: SEC" in result.stdout
    assert "+      project: WEB" in result.stdout
    assert "critical: Highest" in result.stdout
    assert "No rule opens tickets there yet" in result.stdout
    assert "Next: remedy init --apply, or a change of your own" in result.stdout
    applied = init(world, "--jira-project", "WEB", *servicenow(world, "--servicenow-group", "Web Team"), "--apply")
    assert applied.exit_code == 0, applied.output
    text = file_of(world).read_text(encoding="utf-8")
    assert "# ours: ask Priya" in text
    assert [line for line in mine.splitlines() if line not in text.splitlines()] == [
        line for line in mine.splitlines() if "project: SEC" in line or "Burning" in line
    ]
    assert checked(world).exit_code == 0
    assert init(world).exit_code == 0


def test_a_file_that_an_editor_began_with_a_byte_order_mark_can_be_changed(world: LiveWorld) -> None:
    init(world, *schoolscan(world), *jira(world, "--jira-project", "SEC"))
    file_of(world).write_bytes(b"\xef\xbb\xbf" + file_of(world).read_bytes())
    applied = init(world, "--jira-project", "WEB", "--apply")
    assert applied.exit_code == 0, applied.output
    assert file_of(world).read_text(encoding="utf-8").startswith("\ufeff# Which findings")
    assert "project: WEB" in file_of(world).read_text(encoding="utf-8")


def test_a_file_that_people_wrote_and_that_fits_needs_no_change(world: LiveWorld) -> None:
    world.open_record(short_description="Exposed", u_district="Lakeside")
    file_of(world).write_text(world.text)
    result = init(world)
    assert (result.exit_code, file_of(world).read_text(encoding="utf-8")) == (0, world.text), result.output
    assert "nothing of it is to be changed" in result.stdout


def test_what_a_person_s_file_lacks_by_now_is_said(world: LiveWorld) -> None:
    world.open_record(short_description="Exposed", u_district="Lakeside", caller_id="x")
    file_of(world).write_text(world.text)
    world.set("servicenow", mandatory=["caller_id"])
    result = init(world)
    assert result.exit_code == 1
    (added,) = [line for line in result.stdout.splitlines() if line.startswith("+ ") and "caller_id" in line]
    assert f"caller_id: {INTEGRATION.user_name}" in added
    applied = init(world, "--apply")
    assert applied.exit_code == 0, applied.output
    assert f"caller_id: {INTEGRATION.user_name}" in file_of(world).read_text(encoding="utf-8")
    assert checked(world).exit_code == 0


def test_another_webhook_secret_is_changed_by_hand_in_a_file_that_is_there(world: LiveWorld) -> None:
    init(world, *everything(world))
    same = init(world, "--schoolscan-webhook-secret-env", "SCHOOLSCAN_WEBHOOK_SECRET")
    assert same.exit_code == 0, same.output
    for other in (("-env", "NEW_SECRET"), ("-file", str(world.folder / "new-secret"))):
        result = init(world, f"--schoolscan-webhook-secret{other[0]}", other[1], "--apply")
        assert result.exit_code == 2, result.output
        assert "change districts.lakeside.schoolscan.webhook.secrets in it" in result.stderr
    hillside = ("--district", "hillside", "--schoolscan", f"{world.addresses['schoolscan']}/v1")
    added = init(world, *hillside, "--schoolscan-webhook-secret-env", "NEW_SECRET", "--apply")
    assert added.exit_code == 0, added.output
    assert "{env: NEW_SECRET}" in file_of(world).read_text(encoding="utf-8")


def test_a_webhook_secret_that_has_ended_is_not_looked_for(world: LiveWorld) -> None:
    ended, tomorrow = world.folder / "ended", datetime.now(UTC).date() + timedelta(days=1)
    ended.mkdir()  # a place that cannot be read as a secret
    ends = f"{{file: {ended}, until: 2026-01-31}}, {{env: SCHOOLSCAN_WEBHOOK_SECRET, until: {tomorrow}}}, {{env: NEXT}}"
    file_of(world).write_text(world.text.replace("{env: SCHOOLSCAN_WEBHOOK_SECRET}", ends))
    result = init(world, "--json")
    assert result.exit_code != 2, result.output
    secrets = {each["reference"].get("env", "a file"): each["is_set"] for each in json.loads(result.stdout)["secrets"]}
    assert secrets == {
        "SCHOOLSCAN_TOKEN": True,
        "SCHOOLSCAN_WEBHOOK_SECRET": True,
        "NEXT": False,
        "SERVICENOW_PASSWORD": True,
        "JIRA_TOKEN": True,
    }


def test_of_several_trackers_of_a_kind_all_are_read_and_options_say_which_they_are_about(world: LiveWorld) -> None:
    init(world, *everything(world))
    result = init(world, *jira(world, "--jira-project", "WEB"), "--jira-name", "board", "--apply")
    assert result.exit_code == 0, result.output
    again = init(world)
    assert again.exit_code == 0, again.output
    assert all(f"Jira ({name}): signs in" in again.stdout for name in ("jira", "board"))
    which = init(world, "--jira-project", "PRIV")
    assert (which.exit_code, "say --jira-name NAME: the file has board, jira" in which.stderr) == (2, True)
    other = init(world, *jira(world), "--jira-name", "servicenow")
    assert (other.exit_code, "servicenow is no jira" in other.stderr) == (2, True)


def test_a_file_that_cannot_be_used_is_left_alone(world: LiveWorld) -> None:
    file_of(world).write_text("version: 1\ndistricts: {}\n")
    result = init(world, *everything(world), "--apply")
    assert result.exit_code == 2
    assert "mappings.yaml:" in result.stderr
    assert file_of(world).read_text(encoding="utf-8") == "version: 1\ndistricts: {}\n"


def test_a_dry_run_prints_the_file_and_writes_none(world: LiveWorld) -> None:
    result = init(world, *everything(world), "--dry-run")
    assert result.exit_code == 0, result.output
    assert not file_of(world).exists()
    assert result.stdout.startswith("# Which findings get which tickets")
    assert "signs in as" in result.stderr
    init(world, *everything(world))
    assert file_of(world).read_text(encoding="utf-8") == result.stdout


@pytest.mark.parametrize("also", [(), ("--apply",)])
def test_a_dry_run_for_a_file_that_is_there_proposes_and_changes_nothing(
    world: LiveWorld, also: tuple[str, ...]
) -> None:
    init(world, *everything(world))
    before = file_of(world).read_bytes()
    result = init(world, "--jira-project", "WEB", "--dry-run", *also)
    assert (result.exit_code, file_of(world).read_bytes()) == (1, before), result.output
    without = init(world, "--jira-project", "WEB")
    said, plain = (re.sub(r"\d+ of 300 r", "some of 300 r", each.output) for each in (result, without))
    assert said == plain
    assert "+      project: WEB" in result.stdout
    assert json.loads(init(world, "--jira-project", "WEB", "--dry-run", *also, "--json").stdout)["done"] == "proposed"


def test_json_has_what_was_done_and_what_is_left(world: LiveWorld) -> None:
    del world.secrets["SCHOOLSCAN_WEBHOOK_SECRET"]
    result = init(world, *schoolscan(world), *jira(world), "--json")
    said = json.loads(result.stdout)
    assert (said["ok"], said["done"], result.exit_code) == (False, "written", 1)
    assert [each.partition(":")[0] for each in said["to_set"]] == ["defaults.tickets.jira.project"]
    assert {each["reference"]["env"]: each["is_set"] for each in said["secrets"]} == {
        "SCHOOLSCAN_TOKEN": True,
        "SCHOOLSCAN_WEBHOOK_SECRET": False,
        "JIRA_TOKEN": True,
    }


def test_on_a_terminal_what_is_missing_is_asked_for_and_a_typed_secret_is_kept_nowhere(world: LiveWorld) -> None:
    token = world.secrets.pop("JIRA_TOKEN")
    answers = ["lakeside", world.addresses["jira"], SERVICE.email, "", token, "web", ""]
    named = ("--ask", "--schoolscan", f"{world.addresses['schoolscan']}/v1")
    result = init(world, *named, answers="".join(f"{each}\n" for each in answers))
    assert result.exit_code == 0, result.output
    assert "WEB  Web Team" in result.stderr
    assert "  not set  JIRA_TOKEN " in result.stdout
    assert "  set      SCHOOLSCAN_TOKEN " in result.stdout
    text = file_of(world).read_text(encoding="utf-8")
    assert token not in result.output + text
    assert "project: WEB" in text


def test_on_a_terminal_nobody_is_asked_where_options_say_enough(world: LiveWorld) -> None:
    result = init(world, "--ask", *schoolscan(world), *jira(world, "--jira-project", "SEC"), answers="")
    assert result.exit_code == 0, result.output
    assert init(world, "--ask", answers="").exit_code == 0


def test_what_is_missing_is_named_where_nobody_may_be_asked(world: LiveWorld) -> None:
    nobody = init(world, "--servicenow", world.addresses["servicenow"])
    assert nobody.exit_code == 2
    assert "say --district NAME, --servicenow-user USER" in nobody.stderr
    assert "say --district NAME, --jira URL or --servicenow URL" in init(world).stderr
    assert "no folder" in init(world, "--output", str(world.folder / "nowhere" / "m.yaml")).stderr
    assert "a name is 1 to 32" in init(world, *everything(world), "--district", "Lakeside District").stderr
    del world.secrets["JIRA_TOKEN"]
    missing = init(world, *schoolscan(world), *jira(world))
    assert missing.exit_code == 2
    assert "environment variable JIRA_TOKEN: is not there" in missing.stderr


def test_options_about_a_tracker_without_an_address_are_never_left_out(world: LiveWorld) -> None:
    only = init(world, *schoolscan(world), "--jira-project", "WEB")
    assert (only.exit_code, "say --jira URL, or call" in only.stderr) == (2, True), only.output
    beside = init(world, *schoolscan(world), *servicenow(world), "--jira-field", "School site=West")
    assert (beside.exit_code, "say --jira URL, or call" in beside.stderr) == (2, True), beside.output
    assert not file_of(world).exists()
    init(world, *everything(world))
    misspelt = init(world, "--jira-name", "jra", "--jira-project", "WEB", "--apply")
    assert (misspelt.exit_code, "say --jira URL (the file has no jra)" in misspelt.stderr) == (2, True), misspelt.output


def test_on_a_terminal_the_address_that_options_need_is_asked_for(world: LiveWorld) -> None:
    named = ("--ask", *schoolscan(world), "--jira-project", "SEC", "--jira-user", SERVICE.email)
    result = init(world, *named, answers=f"{world.addresses['jira']}\n\n")
    assert result.exit_code == 0, result.output
    assert "Jira's address:" in result.stderr
    file_of(world).unlink()
    silent = init(world, *named, answers=" \n\n")
    assert (silent.exit_code, "say --jira URL." in silent.stderr) == (2, True), silent.output


def test_a_secret_in_place_of_its_variable_s_name_is_not_quoted(world: LiveWorld) -> None:
    result = init(world, *schoolscan(world), *jira(world, "--jira-token-env", "test-only-pasted"))
    assert result.exit_code == 2
    assert "--jira-token-env" in result.stderr
    assert "test-only-pasted" not in result.output
