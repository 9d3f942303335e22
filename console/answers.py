"""What is answered where a page is not shown: errors that a page raises, and the answer to each."""

from http import HTTPStatus


class PageRefused(Exception):
    """Ends a request with a page that says what happened. `says` is for the reader, and names nothing from outside."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


class NotShown(PageRefused):
    """There is no such thing, or the person may not read it: both have one answer, so that neither can be told."""

    status = HTTPStatus.NOT_FOUND


class NotAllowed(PageRefused):
    """The person may read it, and not do this. The audit has a line of it."""

    status = HTTPStatus.FORBIDDEN
