from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import BaseSettings

Issuer = Literal["built-in", "events", "acme"]
ISSUERS: tuple[Issuer, ...] = ("built-in", "events", "acme")


class Settings(BaseSettings):
    service: ClassVar[str] = "orders"

    ca_key: SecretStr = SecretStr("")  # PEM of the built-in test CA's key; without it orders does not issue by itself
    ca_address: str = ""
    issuer: Literal["", "built-in", "events", "acme"] = ""
    issuers: str = ""
    acme_directory: str = ""
    acme_ca: str = Field("", repr=False)
    acme_roots: str = Field("", repr=False)
    acme_key: SecretStr = SecretStr("")
    acme_contact: str = ""
    acme_eab_id: str = ""
    acme_eab_key: SecretStr = SecretStr("")
    acme_dns_server: str = ""
    acme_dns_zone: str = ""
    acme_dns_wait: float = Field(10, ge=0, le=60)
    acme_tsig_name: str = ""
    acme_tsig_key: SecretStr = SecretStr("")
    acme_tsig_algorithm: str = "hmac-sha256"
    answer_within: float = Field(2, ge=0, le=10)  # seconds that an answer waits for a certificate

    @property
    def published_at(self) -> str:
        """Plain HTTP: who fetches a list to verify a certificate cannot verify another one first (RFC 5280 8)."""
        origin = self.ca_address or f"http://{self.base_url.split('://', 1)[-1]}"
        return f"{origin.rstrip('/')}/pki"

    def issuer_of(self, product_name_id: str) -> Issuer:
        return self._chosen.get(product_name_id) or self._usual

    @property
    def _usual(self) -> Issuer:
        if self.issuer:
            return self.issuer
        return "built-in" if self.ca_key else "events"

    @property
    def _chosen(self) -> Mapping[str, Issuer]:
        pairs = (each.split("=", 1) for each in self.issuers.replace(",", " ").split())
        return {product: issuer for product, *rest in pairs for issuer in ISSUERS if rest == [issuer]}

    @model_validator(mode="after")
    def issuers_are_sound(self) -> Self:
        faults = [sentence for wrong, sentence in self._issuer_faults() if wrong]
        if faults:
            raise ValueError(". ".join(faults))
        return self

    def _issuer_faults(self) -> Iterator[tuple[bool, str]]:
        yield (
            len(self._chosen) != len(self.issuers.replace(",", " ").split()),
            "ISSUARY_ORDERS_ISSUERS has to look like product=issuer,product=issuer, each product once; issuers are "
            + ", ".join(ISSUERS),
        )
        yield (
            bool(self.ca_address) and not self.ca_address.startswith("http://"),
            "ISSUARY_ORDERS_CA_ADDRESS has to begin with http://: lists of what is revoked are fetched without TLS",
        )
        yield (
            bool(self.acme_directory) and not (self.acme_directory.startswith("https://") and self.acme_key),
            "ISSUARY_ORDERS_ACME_DIRECTORY has to begin with https://, and needs ISSUARY_ORDERS_ACME_KEY",
        )
        yield (
            bool(self.acme_directory) and "BEGIN CERTIFICATE" not in self.acme_roots,
            "ISSUARY_ORDERS_ACME_ROOTS has to hold the roots of the ACME CA as PEM: the CA does not send them itself",
        )
        yield (
            bool(self.acme_eab_id) != bool(self.acme_eab_key),
            "ISSUARY_ORDERS_ACME_EAB_ID and ISSUARY_ORDERS_ACME_EAB_KEY belong together; give both or none",
        )
        dns = (self.acme_dns_server, self.acme_dns_zone, self.acme_tsig_name, self.acme_tsig_key.get_secret_value())
        yield (
            any(dns) and not all(dns),
            "ISSUARY_ORDERS_ACME_DNS_SERVER, ACME_DNS_ZONE, ACME_TSIG_NAME and ACME_TSIG_KEY belong together; give all "
            "of them or none",
        )
