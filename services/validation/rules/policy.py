"""What a deployment decided, handed down as one value; and the names of what evidence was made with (EV2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.validation.rules.caa import Issuer
from services.validation.rules.methods import EMAIL, SECTIONS, TABLE_VERSION
from services.validation.rules.names import NOTHING, Blocklist, Suffixes
from services.validation.rules.polling import LONG_RUN, Phase

SOFTWARE = "issuary-validation 0.1.0"
POLICY_VERSION = f"2026-11-22 ({TABLE_VERSION})"


@dataclass(frozen=True, slots=True)
class Policy:
    suffixes: Suffixes
    blocked: Blocklist = NOTHING
    labels: tuple[str, ...] = ("_dnsauth",)
    lead: timedelta = timedelta(days=1)
    reuse_for_dv: bool = True
    test_mode: bool = False
    first_look: timedelta = timedelta(seconds=1)
    phases: Sequence[Phase] = LONG_RUN
    resolver_configuration: str = ""
    cname_zone: str = "dcv.ca.example"
    http_file: str = "fileauth.txt"
    # Disclosed in CP/CPS 4.2: our issuer domain names of CAA and persistent TXT, how accounts are called (PT11).
    issuer_domains: tuple[str, ...] = ("ca.example",)
    account_domain: str = "ca.example"
    persist_follow_cname: bool = False
    email_methods: bool = True
    # TLDs that exist in test mode only, and in no DNS.
    local_tlds: frozenset[str] = frozenset()

    def account_uri(self, account_id: int) -> str:
        """RFC 7565."""
        return f"acct:{account_id}@{self.account_domain}"

    def issuer(self, account_id: int) -> Issuer:
        """As CAA records name us and the account (RFC 8657)."""
        return Issuer(self.issuer_domains, self.account_uri(account_id))

    def may_reuse(self, product_name_id: str) -> bool:
        """Earlier evidence serves a new order; for domain-validated products that is a setting (LC18)."""
        return self.reuse_for_dv or "_dv_" not in f"_{product_name_id}_"

    def accepts(self, made_in_test_mode: bool) -> bool:
        """What was seen without the safeguards of production proves nothing there."""
        return self.test_mode or not made_in_test_mode

    def allows(self, section: str) -> bool:
        """What a method proved that is switched off is unusable too (dcv-rules 16)."""
        return self.email_methods or section not in SECTIONS[EMAIL]
