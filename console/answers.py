"""What is answered where a page is not shown: errors that a page raises, and the answer to each."""

from collections.abc import Mapping
from http import HTTPStatus


class PageRefused(Exception):
    """Ends a request with a page that says what happened. `says` is for the reader, and names nothing from outside.

    `back` is the page to which another sign-in leads, where the reader is not signed in; None where that is no matter.
    """

    status = HTTPStatus.BAD_REQUEST
    title = "Not done"
    back: str | None = None

    def __init__(self, says: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(says)
        self.says = says
        self.headers = headers or {}


class NotSignedIn(PageRefused):
    """Nobody has signed in, or their session has ended."""

    status = HTTPStatus.UNAUTHORIZED
    title = "Sign in"
    back = "/"


class NotShown(PageRefused):
    """There is no such thing, or the person may not read it: both have one answer, so that neither can be told."""

    status = HTTPStatus.NOT_FOUND
    title = "Not found"


class NotAllowed(PageRefused):
    """The person may read it, and not do this. The audit has a line of it."""

    status = HTTPStatus.FORBIDDEN
    title = "Not allowed"


class BodyRefused(PageRefused):
    """More came than a form may have, or it came too slowly."""

    status = HTTPStatus(413)  # its name changes between Python 3.12 and 3.13
    title = "Too much"
