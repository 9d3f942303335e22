"""The site that a tracker is, whatever its name in mappings.yaml: links are to numbers of one site. Pure."""

from dataclasses import dataclass

from remediation.domain.cases import Link


@dataclass(frozen=True, slots=True)
class Site:
    """A site: the address in mappings.yaml, and the id that the site gives itself, where it tells one.

    The id is a Jira's base address or a ServiceNow's instance id; empty where we may not read it.
    """

    address: str
    id: str = ""

    @property
    def key(self) -> str:
        """The name under which a link remembers the site."""
        return self.id or self.address

    def is_same(self, other: "Site") -> bool:
        """Whether both are the same site: by their ids where both are known, otherwise by their addresses."""
        if self.id and other.id:
            return self.id == other.id
        return self.address == other.address


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """The site that a tracker is, and the site that it was until `since` (Unix seconds), if it ever was another."""

    site: Site
    before: Site | None = None
    since: float = 0.0

    def seen(self, site: Site, now: float) -> "SiteHistory":
        """The history after the tracker turned out to be this site at `now`. An unknown id counts as unchanged."""
        if not self.site.is_same(site):
            return SiteHistory(site, self.site, now)
        return SiteHistory(Site(site.address, site.id or self.site.id), self.before, self.since)

    def is_of(self, link: Link) -> bool:
        """Whether the link was made on this site. A link without a site was, if the tracker never was another site."""
        if not link.site:
            return self.before is None
        return link.site in {self.site.id, self.site.address}
