"""Atlassian Document Format, as far as the sandbox needs it: text in, text out."""

from collections.abc import Iterator

_BLOCKS = frozenset({"paragraph", "heading", "codeBlock", "listItem", "blockquote"})


def text_of(document: object) -> str | None:
    """The plain text of a document; None where the value is no document."""
    if not isinstance(document, dict) or document.get("type") != "doc" or document.get("version") != 1:
        return None
    if not isinstance(document.get("content"), list):
        return None
    return "".join(_texts(document)).strip("\n")


def document_of(text: str) -> dict[str, object]:
    """A document with one paragraph for each line of the text."""
    lines = [[{"type": "text", "text": line}] if line else [] for line in text.split("\n")]
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": line} for line in lines]}


def _texts(node: object) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    if node.get("type") == "text":
        yield str(node.get("text", ""))
    if node.get("type") == "hardBreak":
        yield "\n"
    for child in node.get("content") or []:
        yield from _texts(child)
    if node.get("type") in _BLOCKS:
        yield "\n"
