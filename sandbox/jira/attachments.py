"""The sandbox's Jira over HTTP: the files on issues."""

from email import policy
from email.parser import BytesParser

from starlette.responses import JSONResponse, Response

from sandbox.jira.endpoints import Call
from sandbox.jira.problems import Problem, not_found
from sandbox.jira.state import AttachedFile


async def attach_files(call: Call) -> Response:
    """POST /issue/{id or key}/attachments: a form with files, and a header against forged requests."""
    issue, state, request = call.issue, call.state, call.request
    if request.headers.get("x-atlassian-token") not in {"no-check", "nocheck"}:
        return Response("XSRF check failed", 403, media_type="text/html")
    if state.attachment_limit is None:
        raise Problem(403, ["Attachments are disabled."])
    if "CREATE_ATTACHMENTS" in state.withheld:
        raise Problem(403, ["You do not have permission to create attachments for this issue."])
    files = _files_in(request.headers.get("content-type", ""), await request.body())
    if any(len(content) > state.attachment_limit for _, content in files):
        words = f"The field file exceeds its maximum permitted size of {state.attachment_limit} bytes."
        raise Problem(413 if state.is_cloud else 404, [words])
    added = tuple(AttachedFile(state.next_id(), name, call.actor, state.clock(), content) for name, content in files)
    state.write_silently(issue, files=(*issue.files, *added))
    return JSONResponse([call.view.file(each) for each in added])


def delete_file(call: Call) -> Response:
    """DELETE /attachment/{id}: one's own."""
    file_id = call.request.path_params["file"]
    for issue in call.state.issues():
        for each in issue.files:
            if each.id == file_id:
                if each.author != call.actor or "DELETE_OWN_ATTACHMENTS" in call.state.withheld:
                    raise Problem(403, ["You do not have permission to delete attachments for this issue."])
                left = tuple(other for other in issue.files if other.id != file_id)
                call.state.write_silently(issue, files=left)
                return Response(status_code=204)
    raise not_found(f"The attachment with id '{file_id}' does not exist")


def show_settings(call: Call) -> Response:
    """GET /attachment/meta."""
    limit = call.state.attachment_limit
    return JSONResponse({"enabled": limit is not None, **({"uploadLimit": limit} if limit is not None else {})})


def _files_in(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    """The names and contents of the files of a form, which each are in a field `file`. Raises a 415 or 400."""
    if not content_type.startswith("multipart/form-data"):
        raise Problem(415, ["Unsupported Media Type"])
    form = BytesParser(policy=policy.HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    found = []
    for part in form.iter_parts():
        content = part.get_payload(decode=True)
        if part.get_param("name", header="content-disposition") == "file" and isinstance(content, bytes):
            found.append((part.get_filename("file"), content))
    if not found:
        raise Problem(400, ["No files were sent."])
    return found
