"""How outside systems answer now, as an answer that the console shows: codes, and words of ours. Pure."""

import msgspec


class AnsweredCheck(msgspec.Struct, frozen=True):
    """One thing that was looked at: `level` is `ok`, `warning` or `failure`. `code` is empty where all is well."""

    what: str
    level: str
    says: str
    advice: str = ""
    code: str = ""


class SystemsAnswer(msgspec.Struct, frozen=True, tag="systems"):
    """What was found at `at` (Unix seconds). `left` is how many systems were not asked, because there are too many."""

    at: float
    checks: tuple[AnsweredCheck, ...]
    left: int = 0
