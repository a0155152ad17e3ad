"""The validation methods of BR 3.2.2.4 as data: what each may do, how long its evidence lives, when it ends.

The table knows more methods than are offered: evidence is judged by the method that made it, whenever that was."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TABLE_VERSION = "BR 2.3.0, 2026-09-07"


def day(year: int, month: int, number: int) -> datetime:
    """BR dates have no time zone; they are read as 00:00 UTC (SV2)."""
    return datetime(year, month, number, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Method:
    section: str
    wildcard: bool
    prunes: bool
    follows_cname: bool
    void_from: datetime | None = None
    reuse_cap: timedelta | None = None
    corroborated: bool = True  # by other perspectives (BR 3.2.2.9)

    def is_open(self, at: datetime) -> bool:
        """After its sunset a method proves nothing, and what it proved before is void too."""
        return self.void_from is None or at < self.void_from


DNS_CHANGE = Method("3.2.2.4.7", wildcard=True, prunes=True, follows_cname=True)
METHODS = {
    method.section: method
    for method in (
        Method("3.2.2.4.2", True, True, True, void_from=day(2025, 7, 15)),
        Method("3.2.2.4.4", True, True, True, void_from=day(2028, 3, 15), corroborated=False),
        DNS_CHANGE,
        Method("3.2.2.4.8", False, False, False, void_from=day(2026, 3, 15)),
        Method("3.2.2.4.13", True, True, True, void_from=day(2028, 3, 15)),
        Method("3.2.2.4.14", True, True, True, void_from=day(2028, 3, 15)),
        Method("3.2.2.4.15", True, True, True, void_from=day(2025, 7, 15)),
        Method("3.2.2.4.16", True, True, True, void_from=day(2027, 3, 15)),
        Method("3.2.2.4.17", True, True, True, void_from=day(2027, 3, 15)),
        Method("3.2.2.4.18", False, False, False),
        Method("3.2.2.4.22", True, True, False, reuse_cap=timedelta(days=10)),
    )
}
# The names of the wire for what is offered.
DNS_TXT, DNS_CNAME, HTTP_FILE, DNS_PERSIST = "dns-txt-token", "dns-cname-token", "http-token", "dns-persist"
EMAIL = "email"
# By e-mail: to an address that is constructed, or that the domain's CAA or TXT record names.
CONSTRUCTED, CAA_CONTACT, TXT_CONTACT = "3.2.2.4.4", "3.2.2.4.13", "3.2.2.4.14"
OFFERED = {
    DNS_TXT: DNS_CHANGE,
    DNS_CNAME: DNS_CHANGE,
    HTTP_FILE: METHODS["3.2.2.4.18"],
    EMAIL: METHODS[CONSTRUCTED],
    DNS_PERSIST: METHODS["3.2.2.4.22"],
}
# What each may prove by: whose address confirmed decides it for a mail.
SECTIONS = {name: (method.section,) for name, method in OFFERED.items()} | {
    EMAIL: (CONSTRUCTED, CAA_CONTACT, TXT_CONTACT)
}
PROVING = {section: METHODS[section] for sections in SECTIONS.values() for section in sections}
