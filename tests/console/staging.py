"""A console before a stage on which all has happened that its pages show: real processes, and nothing outside."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from remediation.domain.cases.records import CaseKind
from sandbox.stage.processes import WEAPON, Program
from tests.e2e.scene import BOTH, Scene, State, delivered, open_scene
from tests.e2e.watching import eventually

SCANNED = 12
_TAKEN_WITHIN = 30.0


def _into_the_form_project(tree: Any) -> None:
    """Vendor exposures go to a Jira project that has a field more to fill in than anybody thought of."""
    _rule(tree)["tickets"]["jira"] = {"project": "FORM"}


def _filled_in(tree: Any) -> None:
    _into_the_form_project(tree)
    _rule(tree)["tickets"]["jira"] |= {
        "fields": {"customfield_10010": "Vendor desk"},
        "priority": None,
        "due": None,
    }


def _rule(tree: Any) -> Any:
    return next(rule for rule in tree["rules"] if rule["name"] == "vendor-exposure")


@dataclass(slots=True)
class ConsoleStage:
    """The stage, and the console's address. The ids are those of what is on it."""

    scene: Scene
    worker: Program
    address: str = ""
    finding: str = ""
    """Has open tickets in both trackers."""
    parked: str = ""
    """Its ticket was refused by Jira."""
    incident: str = ""

    def link(self, role: str = "administrator") -> str:
        """A link that signs in once, with a role in all districts."""
        return self.scene.stage.console_link("--role", role, "--by", "ana@example.org")

    def mend(self) -> None:
        """Correct the rule that Jira refuses, as an operator does: the file is replaced, and the worker takes it."""
        path = self.scene.stage.folder / "mappings.yaml"
        path.write_text((self.scene.stage.folder / "mended.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        deadline = time.monotonic() + _TAKEN_WITHIN
        while '"event": "mappings_reloaded"' not in self.worker.logged():
            if time.monotonic() > deadline:
                raise RuntimeError("the worker did not take the corrected file")
            time.sleep(0.05)


@contextlib.contextmanager
def open_console_stage() -> Iterator[ConsoleStage]:
    """A stage with all that pages show, at rest, and a console that runs."""
    with open_scene(feed=True) as scene:
        scene.mappings("mended.yaml", _filled_in)
        scene.mappings("mappings.yaml", _into_the_form_project)
        scene.stage.start_receiver()
        console = scene.stage.start_console()
        incident = scene.outside.report_incident(type="referral", offenders=[{"weapons": [WEAPON]}])
        stage = ConsoleStage(scene, scene.start_worker(), incident=incident)
        stage.address = console.address("console_listens")
        _play(stage)
        yield stage


def _play(stage: ConsoleStage) -> None:
    scene = stage.scene
    stage.finding, stage.parked = scene.outside.scan([BOTH, BOTH | {"domain_type": "vendor_exposure"}])
    severities, kinds = ("high", "medium", "low"), ("education_records", "metadata")
    scene.outside.scan(
        [{"severity": severities[number % 3], "domain_type": kinds[number % 2]} for number in range(SCANNED)]
    )
    assert delivered(scene.stage.receiver_address, b"{not json").status_code == 202
    assert delivered(scene.stage.receiver_address, b"{}", secret="not_ours").status_code == 401
    scene.settles(stage.parked, State("reviewing", ("servicenow open",)))
    eventually(lambda: len(scene.outside.tickets(stage.incident, CaseKind.INCIDENT)) == 2)
    scene.comes_to_rest()
