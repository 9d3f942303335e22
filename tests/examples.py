"""How many examples a property is tried with that asks for other than the usual number."""

from hypothesis import settings

USUAL = 100
"""What Hypothesis tries where nobody says how often, as in the profile `remedy`."""


def share(usually: int) -> int:
    """So many in the usual profile; in another one, the same share of them as of all others. At least one."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return max(1, usually * profile.max_examples // USUAL)


def examples(usually: int) -> settings:
    """The settings of a property that is tried with so many examples in the usual profile."""
    return settings(max_examples=share(usually))
