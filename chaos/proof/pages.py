"""Every page of the console that can be reached, as somebody reads it who may read all districts."""

import json
import re
from collections import Counter, deque
from html import unescape
from urllib.parse import urlsplit

import httpx2

from chaos.proof.commands import Known
from chaos.proof.setting import Setting
from sandbox.secrets import DISTRICT

ROLES = ("viewer", "operator")
"""A viewer is shown codes and counts; an operator may also have a tracker's words and people's logins shown."""

_MOST_PAGES = 250
_MOST_OF_A_KIND = 15
"""Pages that differ only by what they are about: of each kind of page there are some."""

_SECONDS = 40.0
_WAITS = "Refresh"
_ABOUT = re.compile(r"(/(?:of|news|plan|explain)/).*")
_LINK = re.compile(r'(?:href|data-live)="([^"#]+)')
_FORM = re.compile(r'<form[^>]*action="([^"]+)"[^>]*method="post"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"')
_ASKS = re.compile(r"/(?:plan|explain|systems/live|cases/names)(?:/|$)")
"""Forms that have something shown, and change nothing but the audit."""


def console_is_read(setting: Setting, known: Known) -> None:
    """Start a console, and read all that leads on from its first page, by every role."""
    program = setting.world.stage.start("console", CONSOLE_PORT="0", CONSOLE_METRICS_PORT="0")
    address = program.address("console_listens")
    begin = ("/", f"/plan/{known.cases[0]}", f"/explain/{DISTRICT}/{known.finding}", "/cases/of/nobody", "/nothing")
    for role in ROLES:
        with httpx2.Client(base_url=address, trust_env=False, timeout=_SECONDS, headers={"Origin": address}) as browser:
            _sign_in(setting, browser, role)
            pages = ConsoleWalk(browser)
            pages.read_from(begin)
        setting.read.setdefault(f"console for {role}s", []).extend(pages.read)
    program.stop()
    setting.way("the console is read")


def _sign_in(setting: Setting, browser: httpx2.Client, role: str) -> None:
    said = setting.world.stage.asked("console", "link", "--role", role, "--json")
    token = urlsplit(json.loads(said)["link"]).query.removeprefix("token=")
    browser.post("/sign-in/link", data={"link": token}, follow_redirects=True).raise_for_status()


class ConsoleWalk:
    """Follows links, and sends forms that only show something. `read` has what each answer said."""

    def __init__(self, browser: httpx2.Client) -> None:
        self.read: list[bytes] = []
        self._browser = browser
        self._kinds: Counter[str] = Counter()
        self._noted: set[str] = set()
        self._waiting: deque[str] = deque()
        self._sent: set[str] = set()

    def read_from(self, paths: tuple[str, ...]) -> None:
        """Read these pages, and those that they lead to, and so on."""
        for path in paths:
            self._note(path)
        while self._waiting and len(self.read) < _MOST_PAGES:
            self._keep(self._browser.get(self._waiting.popleft(), follow_redirects=True))

    def _keep(self, answer: httpx2.Response) -> None:
        while _WAITS in answer.headers:  # a worker is asked, and the page waits for what it says
            answer = self._browser.get(answer.url)
        self.read.append(str(answer.headers).encode() + answer.content)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            return
        for path in _LINK.findall(answer.text):
            self._note(unescape(path))
        for action, inside in _FORM.findall(answer.text):
            self._send(unescape(action), dict(_FIELD.findall(inside)))

    def _send(self, action: str, fields: dict[str, str]) -> None:
        if not _ASKS.search(action) or action in self._sent:
            return
        self._sent.add(action)
        self._keep(self._browser.post(action, data=fields, follow_redirects=True))

    def _note(self, path: str) -> None:
        """Read this page later, unless it is none of ours, a file of styles, known, or one of too many."""
        if not path.startswith("/") or path.startswith(("/static/", "/live")) or path in self._noted:
            return
        place, _, query = path.partition("?")
        kind = _ABOUT.sub(r"\1", place) + " ".join(each.partition("=")[0] for each in query.split("&"))
        self._kinds[kind] += 1
        if self._kinds[kind] <= _MOST_OF_A_KIND:
            self._noted.add(path)
            self._waiting.append(path)
