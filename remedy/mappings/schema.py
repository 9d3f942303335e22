"""`remedy mappings schema`: what editors need to complete and check mappings.yaml."""

import json

import click

from remediation.mapping.reading.json_schema import json_schema


@click.command(short_help="The JSON Schema of mappings.yaml, for editors.")
def schema() -> None:
    """Print the JSON Schema of mappings.yaml, for editors that complete and check it while it is written.

    \b
      remedy mappings schema > mappings.schema.json
    and as the first line of mappings.yaml:
      # yaml-language-server: $schema=./mappings.schema.json

    The schema knows every word and its form. Whether names are known and templates cannot fail, remedy mappings check
    tells.
    """
    click.echo(json.dumps(json_schema(), indent=2))
