#!/usr/bin/env bash
# One would expect: whatever an XML document says, Python's parsers raise ParseError (ExpatError) for what they cannot read;
# `except ParseError` is what examples show, and what defusedxml adds are errors of its own for what it forbids.
# What happens: the encoding that a document declares is looked for among Python's codecs. `rot13` and `hex` raise LookupError,
# `idna` UnicodeError, `utf-7` ValueError; none of them is a ParseError, with xml.etree and with defusedxml 0.7.1. And
# `unicode_escape`, which is no encoding of XML, is taken for one.
# Source: `PyUnknownEncodingHandler` in CPython's Modules/pyexpat.c, 3.11 to 3.14; it decodes 256 bytes to learn the codec.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check defusedxml==0.7.1

"$folder/venv/bin/python" - <<'PROBE'
import sys
from xml.etree import ElementTree

from defusedxml import ElementTree as Defused


def outcome(parse, encoding):
    try:
        parse(f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode())
    except ElementTree.ParseError:
        return "ParseError"
    except Exception as error:
        return type(error).__name__
    return "read"


expected = {
    "utf-8": "read",
    "no-such": "LookupError",
    "rot13": "LookupError",
    "hex": "LookupError",
    "idna": "UnicodeError",
    "utf-7": "ValueError",
    "unicode_escape": "read",
}
seen = {each: [outcome(parse, each) for parse in (ElementTree.fromstring, Defused.fromstring)] for each in expected}
for encoding, outcomes in seen.items():
    print(f"{encoding}: xml.etree {outcomes[0]}, defusedxml {outcomes[1]}")
sys.exit(0 if all({*outcomes} == {expected[each]} for each, outcomes in seen.items()) else 1)
PROBE
