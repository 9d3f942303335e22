"""The fields of the form that was sent with a request."""

from urllib.parse import parse_qsl

from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect, Request

from console.answers import PageRefused

_MOST_FIELDS = 5_000


async def sent_form(request: Request) -> FormData:
    """The fields that a form of ours sends; empty where there are none. Raises PageRefused where they cannot be read.

    How large a body may be is limited before.
    """
    known: FormData | None = getattr(request.state, "form", None)
    if known is not None:
        return known
    try:
        text = (await request.body()).decode()
        fields: list[tuple[str, UploadFile | str]] = [
            *parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        ]
    except ValueError:
        raise PageRefused("What the browser sent is no form of these pages. Go back, and try again.") from None
    except ClientDisconnect:
        raise PageRefused("The browser has gone before all of the form was here, so nothing was done.") from None
    return FormData(fields)


def text_in(form: FormData, name: str) -> str:
    """The first value of a field; empty where there is none."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def texts_in(form: FormData, name: str) -> list[str]:
    """All values of a field, in order."""
    return [value for value in form.getlist(name) if isinstance(value, str)]
