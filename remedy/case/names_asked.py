"""Whether names by which cases are asked for can be meant at all: mappings.yaml has them, or a case that there is."""

import click

from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.trackers.tracker_settings import former_names_of
from remediation.mapping.reading.loading import load_mappings
from remediation.read_model.cases.pages import FilterNames, names_of_cases, unknown_names
from remediation.settings import Settings
from remediation.store.cases.lists import CaseFilter
from remediation.store.server.connection import Connection


async def check_names(wanted: CaseFilter, settings: Settings, connection: Connection) -> None:
    """Raises UsageError for a name that nothing has, with those that there are.

    mappings.yaml is read only where no case has a name that is asked for.
    """
    if wanted.district is wanted.tracker is wanted.rule is None:
        return
    known = await names_of_cases(connection)
    if unknown_names(wanted, known) and (unknown := unknown_names(wanted, known, names_in_file(settings))):
        raise click.UsageError("\n".join(each.says for each in unknown))


def names_in_file(settings: Settings) -> FilterNames:
    """Those that mappings.yaml names; none where it cannot be read: what is known of cases is enough to go by."""
    try:
        mappings = load_mappings(settings.mappings_path).mappings
    except ConfigurationError:
        return FilterNames((), (), ())
    trackers = [*mappings.trackers, *former_names_of(mappings.trackers)]
    return FilterNames(list(mappings.districts), [rule.name for rule in mappings.rules], trackers)
