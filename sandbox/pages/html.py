"""Pages of the stand-ins for people: one layout, tables, forms, and who is signed in.

Everything from outside is escaped.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

AccountT = TypeVar("AccountT")

_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_STYLE = """
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:64rem;margin:0 auto;padding:0 1rem 3rem}
header{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;padding:.75rem 0;border-bottom:1px solid}
header form{margin-left:auto}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;background:Canvas;padding:.5rem}
table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:bold;padding:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-bottom:1px solid #8886}
td,dd,.said{white-space:pre-wrap;overflow-wrap:anywhere}
fieldset{margin:1rem 0;padding:.5rem 1rem 1rem}legend{font-weight:bold}
label{display:block;margin:.5rem 0 .15rem}
input,select,textarea,button{font:inherit;padding:.35rem .5rem;max-width:100%}textarea{width:100%;min-height:4rem}
button{margin-top:.75rem;cursor:pointer}:focus-visible{outline:3px solid #06c;outline-offset:2px}
[role=alert]{border:2px solid #b00;padding:.5rem 1rem}[role=status]{border:2px solid #070;padding:.5rem 1rem}
"""
_LONGEST_FORM = 100_000


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. With `choices` (value and label) it is a list, with `lines` a text of several lines."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    choices: Sequence[tuple[str, str]] = ()
    lines: bool = False
    is_required: bool = False
    complete: str = "off"

    @property
    def html(self) -> str:
        """The field behind its label."""
        named = f'id="{escape(self.name)}" name="{escape(self.name)}"' + (" required" if self.is_required else "")
        label = f'<label for="{escape(self.name)}">{escape(self.label)}</label>'
        if self.choices:
            options = "".join(
                f'<option value="{escape(value)}"{" selected" if value == self.value else ""}>{escape(text)}</option>'
                for value, text in self.choices
            )
            return f"{label}<select {named}>{options}</select>"
        if self.lines:
            return f"{label}<textarea {named}>{escape(self.value)}</textarea>"
        shown = f'type="{self.kind}" value="{escape(self.value)}" autocomplete="{self.complete}"'
        return f"{label}<input {named} {shown}>"


def form(action: str, title: str, fields: Iterable[Field], button: str, hidden: Mapping[str, str] | None = None) -> str:
    """A form that is posted. The ids of its fields must be the only ones of their names on the page."""
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in (hidden or {}).items()
    )
    inner = "".join(each.html for each in fields)
    return (
        f'<form method="post" action="{escape(action)}">{kept}<fieldset><legend>{escape(title)}</legend>{inner}'
        f'<div><button type="submit">{escape(button)}</button></div></fieldset></form>'
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. Its cells are markup: `text` and `link` make some."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def facts(caption: str, values: Mapping[str, object]) -> str:
    """A table of names and values; those without a value are left out."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>'
        for name, value in values.items()
        if value not in {None, ""}
    )
    return f"<table><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>"


def text(value: object) -> str:
    """Text as markup."""
    return escape(str(value))


def link(address: str, words: object) -> str:
    """A link. The address is one of the stand-in's own."""
    return f'<a href="{escape(address)}">{escape(str(words))}</a>'


def said(entries: Iterable[tuple[str, str]], nothing: str) -> str:
    """What people and programs said: (who and when, the words), oldest first."""
    items = "".join(f'<li><p>{escape(who)}</p><div class="said">{escape(words)}</div></li>' for who, words in entries)
    return f"<ol>{items}</ol>" if items else f"<p>{escape(nothing)}</p>"


@dataclass(frozen=True, slots=True)
class Layout:
    """What all pages of a stand-in have: its name, and where one signs in and out, if anybody does."""

    system: str
    sign_in: str = ""
    sign_out: str = ""

    def page(self, title: str, body: str, *, who: str = "", status: int = 200, alert: str = "") -> Response:
        """A whole page. `body` is markup; `who` is signed in; `alert` says what went wrong."""
        name = escape(title)
        told = f'<p role="alert">{escape(alert)}</p>' if alert else ""
        markup = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name} | {escape(self.system)}</title>'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head><body>'
            f'<a class="skip" href="#main">To the content</a><header><nav aria-label="Site">'
            f'<a href="/">{escape(self.system)}</a></nav>{self._person(who)}</header>'
            f'<main id="main"><h1>{name}</h1>{told}{body}</main></body></html>'
        )
        return HTMLResponse(markup, status, _POLICY)

    def _person(self, who: str) -> str:
        if who:
            button = '<button type="submit">Sign out</button>'
            return f'<form method="post" action="{self.sign_out}"><span>{escape(who)}</span> {button}</form>'
        return f'<a href="{self.sign_in}">Sign in</a>' if self.sign_in else ""


async def posted(request: Request) -> dict[str, str]:
    """What a form of ours sent, without blanks around it; nothing where another site had the browser send it."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        return {}
    body = (await request.body())[:_LONGEST_FORM].decode("utf-8", "replace")
    pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=100)
    return {name: value.replace("\r\n", "\n").strip() for name, value in pairs}


def see_other(address: str) -> Response:
    """Send the browser on, by GET."""
    return RedirectResponse(address, 303)


class Visitors(Generic[AccountT]):
    """Who is signed in to the pages of one stand-in, by a cookie of its own. Forgotten when it ends."""

    def __init__(
        self, layout: Layout, find: Callable[[str, str], AccountT | None], name_of: Callable[[AccountT], str]
    ) -> None:
        self._layout = layout
        self._find, self._name_of = find, name_of
        self._cookie = f"sandbox_{layout.system.lower()}"
        self._keys: dict[str, AccountT] = {}

    def visitor(self, request: Request) -> AccountT | None:
        """Who asks; None for somebody who has not signed in."""
        given = request.cookies.get(self._cookie, "")
        matching = (who for key, who in self._keys.items() if hmac.compare_digest(key.encode(), given.encode()))
        return next(matching, None)

    def name(self, request: Request) -> str:
        """The name of who asks; empty for somebody who has not signed in."""
        who = self.visitor(request)
        return "" if who is None else self._name_of(who)

    def to_sign_in(self, request: Request) -> Response:
        """Send somebody to the form, and from there back to the page that they are on."""
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return see_other(f"{self._layout.sign_in}?{urlencode({'back': back})}")

    async def sign_in(self, request: Request) -> Response:
        """The form for signing in, and what it sends."""
        back = _own_path(request.query_params.get("back", "/"))
        if request.method != "POST":
            return self._form(back)
        sent = await posted(request)
        who = self._find(sent.get("user", ""), sent.get("password", ""))
        if who is None:
            return self._form(back, "No user here has this name and this password.", sent.get("user", ""))
        key = secrets.token_urlsafe(32)
        self._keys[key] = who
        answer = see_other(back)
        answer.set_cookie(self._cookie, key, httponly=True, samesite="strict")
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Forget who asks."""
        self._keys.pop(request.cookies.get(self._cookie, ""), None)
        answer = see_other("/")
        answer.delete_cookie(self._cookie)
        return answer

    def _form(self, back: str, alert: str = "", user: str = "") -> Response:
        fields = (
            Field("user", "User", user, is_required=True, complete="username"),
            Field("password", "Password", kind="password", is_required=True, complete="current-password"),
        )
        action = f"{self._layout.sign_in}?{urlencode({'back': back})}"
        status = 401 if alert else 200
        return self._layout.page("Sign in", form(action, "Sign in", fields, "Sign in"), status=status, alert=alert)


def _own_path(address: str) -> str:
    """A path of this site; the first page for anything that could lead elsewhere."""
    is_own = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if is_own else "/"
