"""Where validation may connect to, §12. Asked when a name is resolved, and again when the socket is made (SG3)."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from services.validation.rules.special_purpose import Network, special_purpose

HTTP, HTTPS, SMTP = 80, 443, 25


@dataclass(frozen=True, slots=True)
class Guard:
    """Other ports, and addresses `opened` although they are set aside, belong to test mode (SG6)."""

    http_port: int = HTTP
    https_port: int = HTTPS
    smtp_port: int = SMTP
    opened: tuple[Network, ...] = ()

    @property
    def web_ports(self) -> dict[str, int]:
        return {"http": self.http_port, "https": self.https_port}

    def why_refused(self, text: str) -> str | None:
        """A sentence's end, or None for an address that may be connected to."""
        try:
            address = ip_address(text)
        except ValueError:
            return "it is no IP address"
        if isinstance(address, IPv6Address) and address.scope_id:
            return "it is bound to a zone of one machine"
        if any(address.version == block.version and address in block for block in self.opened):
            return None
        purpose = special_purpose(address)
        return f"it is set aside for special purposes ({purpose})" if purpose else None

    def is_open(self, text: str) -> bool:
        return self.why_refused(text) is None


class Blocked(Exception):
    """The last check, at the socket, refused what an earlier one let pass."""
