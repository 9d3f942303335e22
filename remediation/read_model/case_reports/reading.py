"""All cases, some at a time, for reports and figures: what is held of a million is a number for each."""

from collections.abc import AsyncIterator

from remediation.domain.cases.records import CaseKind, CaseRecord
from remediation.domain.drills import is_drill
from remediation.store.cases.lists import CaseFilter, CaseLists, ListCursor
from remediation.store.server.connection import Connection

_PAGE = 500


async def case_records(connection: Connection, district: str | None) -> AsyncIterator[list[CaseRecord]]:
    """Every case of a finding or an incident (of the district, where one is named), some at a time, each once.

    Tests are left out (see drills.py).

    A case that changes meanwhile goes to the front of its list, where a reader that goes on does not see it: in the end
    those that changed since the beginning are read, unless they were read before. Raises StoreUnavailable.
    """
    lists, wanted, seen = CaseLists(connection), CaseFilter(district), set[int]()
    first = await lists.page(wanted, 1)
    newest = first.cases[0].cursor if first.cases else None
    async for records in _pages(lists, wanted, None, seen):
        yield records
    if newest is not None:
        async for records in _pages(lists, wanted, newest, seen):
            yield records


async def _pages(
    lists: CaseLists, wanted: CaseFilter, until: ListCursor | None, seen: set[int]
) -> AsyncIterator[list[CaseRecord]]:
    """Pages from the newest change on, to the end or to the cases that had not changed by `until`."""
    after: ListCursor | None = None
    while True:
        page = await lists.page(wanted, _PAGE, after)
        fresh = [each for each in page.cases if until is None or each.cursor.at >= until.at]
        refs = [each.ref for each in fresh if hash(each.ref) not in seen]
        seen.update(map(hash, refs))
        records = (await lists.records(refs)).values()
        yield [each for each in records if _counts(each)]
        after = page.cursor
        if after is None or len(fresh) < len(page.cases):
            return


def _counts(record: CaseRecord) -> bool:
    """Whether it is a case of its own: a summary is about findings that have cases, and a test is nobody's."""
    return record.key.kind is not CaseKind.SUMMARY and not record.home and not is_drill(record.key.id)
