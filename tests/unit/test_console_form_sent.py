"""What a browser sends as a form, and what is said where that cannot be read."""

import pytest
from starlette.requests import Request
from starlette.types import Message

from console.answers import PageRefused
from console.forms import sent_form


def request_of(*messages: Message) -> Request:
    """A form of which these parts come, one after another."""
    waiting = list(messages)

    async def receive() -> Message:
        return waiting.pop(0)

    return Request({"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}, receive)


async def test_a_form_has_its_fields_in_order() -> None:
    form = await sent_form(request_of({"type": "http.request", "body": b"case=a&case=b"}))
    assert form.getlist("case") == ["a", "b"]


async def test_a_browser_that_leaves_while_it_sends_a_form_is_no_defect_of_ours() -> None:
    begun = {"type": "http.request", "body": b"case=", "more_body": True}
    with pytest.raises(PageRefused):
        await sent_form(request_of(begun, {"type": "http.disconnect"}))
