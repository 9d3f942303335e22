"""How many examples a property is tried with that asks for other than the usual number."""

from hypothesis import settings

USUAL = 100
"""What Hypothesis tries where nobody says how often, as in the profile `remedy`."""


def examples(usually: int) -> settings:
    """So many in the usual profile; under `--hypothesis-profile quick`, the same share of them as of all others."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=max(1, usually * profile.max_examples // USUAL))
