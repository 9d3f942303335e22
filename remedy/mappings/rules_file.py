"""What the commands about mappings.yaml share: the choice of the file and of the moment."""

from datetime import UTC, datetime
from pathlib import Path

import click

from remediation.mapping.reading.loading import Loaded, load_mappings
from remediation.settings import load_settings

mappings_option = click.option(
    "--mappings",
    "mappings_path",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The file with the rules.  [default: MAPPINGS_PATH, or mappings.yaml here]",
)


class Moment(click.ParamType[datetime]):
    """A date and time in ISO 8601; without an offset it is UTC."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment. Fails with a message for everything else."""
        try:
            moment = datetime.fromisoformat(str(value))
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except ValueError:
            self.fail("must be a date and time such as 2026-04-15T14:02Z", param, ctx)
        except OverflowError:
            self.fail("must lie between the years 1 and 9999 in UTC", param, ctx)


at_option = click.option(
    "--at", metavar="MOMENT", type=Moment(), help="As it would be at this moment (ISO 8601).  [default: now]"
)


def loaded_from(path: Path | None) -> Loaded:
    """The rules of this file, or of the one in the settings. Raises ConfigurationError."""
    return load_mappings(path or load_settings().mappings_path)
