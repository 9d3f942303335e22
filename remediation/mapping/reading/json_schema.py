"""mappings.yaml as a JSON Schema, for editors that complete and check it: generated from the types that read the file.

A schema cannot express everything that the types demand (names that must be known, templates that must not fail). It
refuses nothing that the types accept, so an editor never marks a valid file as wrong.
"""

from collections.abc import Callable, Mapping
from datetime import time, timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from remediation.domain.walks import SchoolYear
from remediation.mapping.config.incident_feeds import month_day_of, time_of_day
from remediation.mapping.config.paths import glob_of
from remediation.mapping.config.policies import REOPENING_WORDS, Reopening, as_reopening, reopening_text
from remediation.mapping.config.rules import NO_TICKETS, some_or_none
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.signing_in import Auth, interval_of
from remediation.mapping.config.trackers.kinds import ticket_tag
from remediation.mapping.config.words import (
    as_codes,
    as_list,
    day_of,
    duration_of,
    duration_text,
    for_every_severity,
    link_with_id,
    lower_keys,
    plain_address,
    text_of_number,
)

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest draft that the usual editors support."""

_ADDRESS = r"^([Hh][Tt][Tt][Pp][Ss]://|http://(localhost|127\.0\.0\.1|\[::1\])([:/]|$))[^?#]*$"
_LINK = r"^https?://[^\s{}]*\{id\}([^\s{}]|\{id\})*$"
_GLOB = "^/"
_DURATION = {"type": "string", "pattern": "^[0-9]{1,6}[smhd]$", "examples": ["90s", "15m", "2h", "14d"]}

_DAY = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "examples": ["2026-12-31"]}
_MONTH_DAY = {"type": "string", "pattern": "^[0-9]{2}-[0-9]{2}$", "examples": ["08-01"]}
_TIME = {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$", "examples": ["02:00"]}
_RATE = {"type": "string", "pattern": "^[1-9][0-9]{0,5}/(s|m)$", "examples": ["20/s", "600/m"]}

_Form = Callable[[JsonSchemaValue], JsonSchemaValue]


def json_schema() -> JsonSchemaValue:
    """The schema of the whole file."""
    schema = Mappings.model_json_schema(ref_template="#/definitions/{model}", schema_generator=_Generator)
    definitions = schema.pop("$defs")
    return {"$schema": _DIALECT, **schema, "title": "mappings.yaml", "definitions": definitions}


def _or_one_entry(inner: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [inner["items"], inner]}


def _or_one_for_all(inner: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [inner["additionalProperties"], inner]}


def _or_a_number(inner: JsonSchemaValue) -> JsonSchemaValue:
    """The shape of text that may be written as a whole number, too."""
    match inner:
        case {"enum": list(words), "type": "string", **others}:
            return {**others, "enum": [*words, *(int(word) for word in words)]}
        case {"type": "string", **others}:
            return {"type": ["string", "integer"], **others}
        case _:
            raise LookupError("a number may stand for text only")


def _or_none(inner: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [{"const": NO_TICKETS}, {**inner, "minProperties": 1}]}


_FORMS: Mapping[Callable[..., Any], _Form] = {
    as_list: _or_one_entry,
    as_codes: _or_one_entry,
    for_every_severity: _or_one_for_all,
    text_of_number: _or_a_number,
    some_or_none: _or_none,
    as_reopening: lambda inner: {"anyOf": [{"enum": list(REOPENING_WORDS)}, inner]},
    lower_keys: lambda inner: inner,
    duration_of: lambda _: dict(_DURATION),
    day_of: lambda _: dict(_DAY),
    month_day_of: lambda _: dict(_MONTH_DAY),
    time_of_day: lambda _: dict(_TIME),
    interval_of: lambda _: dict(_RATE),
    glob_of: lambda inner: {**inner, "pattern": _GLOB},
    link_with_id: lambda inner: {**inner, "pattern": _LINK},
    plain_address: lambda inner: {**inner, "pattern": _ADDRESS},
}
"""For each validator, what it changes in the shape of the value inside."""


class _Generator(GenerateJsonSchema):
    """Describes what may be written; pydantic by itself describes the result."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """The shape before the function has changed it.

        A LookupError here means that a function needs an entry in the table.
        """
        inner = self.generate_inner(schema["schema"])
        is_whole_file = schema["schema"]["type"] == "model-fields"
        return inner if is_whole_file else _FORMS[schema["function"]["function"]](inner)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A map of words. One way of signing in excludes the others."""
        described = super().model_schema(schema)
        if issubclass(schema["cls"], Auth):
            described["oneOf"] = [_having(name) for name in described["properties"]]
        return described

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A map of free keys, all of which must have the form of a key."""
        keys, values = self.generate_inner(schema["keys_schema"]), self.generate_inner(schema["values_schema"])
        described: JsonSchemaValue = {"type": "object", "propertyNames": keys, "additionalProperties": values or True}
        self.update_with_validations(described, schema, self.ValidationsMapping.object)
        return described

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Any of the shapes; a ticket may be empty."""
        choices = [self.generate_inner(choice) for choice in schema["choices"].values()]
        return {"anyOf": [*choices, {"type": "null"}] if schema["discriminator"] is ticket_tag else choices}

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        """The shape inside, and what the function refuses besides, as far as a schema can express it."""
        inner = self.generate_inner(schema["schema"])
        form = _FORMS.get(schema["function"]["function"])
        return form(inner) if form else inner

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The shape inside, with the default where a person can write it."""
        described = super().default_schema(schema)
        if described.get("default", "") in (None, ""):
            described.pop("default", None)
        return described

    def encode_default(self, dft: Any) -> Any:
        """A default as a person would write it."""
        match dft:
            case timedelta():
                return duration_text(dft)
            case Reopening():
                return reopening_text(dft)
            case SchoolYear():
                return f"{dft.month:02}-{dft.day:02}"
            case time():
                return f"{dft:%H:%M}"
            case _:
                return super().encode_default(dft)


def _having(name: str) -> JsonSchemaValue:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
