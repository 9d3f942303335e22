"""How Jira says no: a status, messages, and texts by field."""

from collections.abc import Iterable, Mapping

from starlette.responses import Response

NO_ISSUE = "Issue does not exist or you do not have permission to see it."


class Problem(Exception):
    """An answer that is an error, in Jira's own form."""

    def __init__(
        self,
        status: int,
        messages: Iterable[str] = (),
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.status = status
        self.headers = dict(headers or {})
        self.messages = list(messages)
        self.errors = dict(errors or {})

    @property
    def body(self) -> dict[str, object]:
        """The answer's body."""
        return {"errorMessages": self.messages, "errors": self.errors}


def not_found(message: str = NO_ISSUE) -> Problem:
    """What Jira answers for something that does not exist, or that the caller may not see."""
    return Problem(404, [message])


def locked_out() -> Response:
    """What Jira answers to an account that must solve a CAPTCHA first: no word, whatever the password."""
    return Response(status_code=403, headers={"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"})


def off_screen(name: str) -> str:
    """Jira's words for a field that the screen does not have."""
    return f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
