"""What holds for every test."""

from hypothesis import settings

# A machine that is busy with other tests is slow; how fast things are is measured in bench/.
settings.register_profile("remedy", deadline=None)
settings.load_profile("remedy")
