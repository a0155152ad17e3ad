from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from services.orders.rules.checklist import Level
from shared.errors import NotFound, Rejected

Validation = Literal["dv", "ov", "ev"]


@dataclass(frozen=True)
class Product:
    name_id: str
    name: str
    max_names: int
    wildcards: bool = False  # a name may be a wildcard
    wildcard_needed: bool = False  # one must be
    validation: Validation = "dv"
    private: bool = False  # from a CA that no browser trusts, outside of the Baseline Requirements
    type: str = "ssl_certificate"
    group_name: str = "ssl_certificate"

    @property
    def level(self) -> Level | None:
        """Which validation of an organization it needs; none for domain-validated ones."""
        return None if self.validation == "dv" else self.validation

    @property
    def validation_name(self) -> str:
        return self.validation.upper()

    @property
    def validation_description(self) -> str:
        return DESCRIPTIONS[self.validation]


DESCRIPTIONS: dict[Validation, str] = {
    "dv": "Domain Validation",
    "ov": "Normal Organization Validation",
    "ev": "Extended Organization Validation",
}


DUPLICATES_ALLOWED = True  # of every product
ORDER_YEARS = (1, 2, 3)
SIGNATURE_HASHES = ("sha256", "sha384", "sha512")

# Public TLS, and TLS of a private CA. EV has no wildcards (EVG 9.8.1). Prices are billing's, by the same name_id.
CATALOGUE = (
    Product("ssl_dv_geotrust", "GeoTrust DV SSL", max_names=250),
    Product("ssl_dv_geotrust_flex", "GeoTrust DV SSL Flex", max_names=250, wildcards=True),
    Product("ssl_dv_rapidssl", "RapidSSL Standard DV", max_names=2),
    Product("wildcard_dv_geotrust", "GeoTrust DV SSL Wildcard", max_names=2, wildcards=True, wildcard_needed=True),
    Product("wildcard_dv_rapidssl", "RapidSSL Wildcard DV", max_names=2, wildcards=True, wildcard_needed=True),
    Product("cloud_dv_geotrust", "GeoTrust Cloud DV", max_names=250, wildcards=True),
    Product("ssl_basic", "Basic OV", max_names=250, wildcards=True, validation="ov"),
    Product("ssl_plus", "Standard SSL", max_names=2, validation="ov"),
    Product("ssl_multi_domain", "Multi-Domain SSL", max_names=250, validation="ov"),
    Product("ssl_wildcard", "Wildcard SSL", max_names=250, wildcards=True, wildcard_needed=True, validation="ov"),
    Product("ssl_cloud_wildcard", "Cloud Wildcard", max_names=250, wildcards=True, wildcard_needed=True,
            validation="ov"),
    Product("ssl_securesite_flex", "Secure Site OV", max_names=250, wildcards=True, validation="ov"),
    Product("ssl_securesite_pro", "Secure Site Pro SSL", max_names=250, wildcards=True, validation="ov"),
    Product("ssl_geotrust_truebizid", "GeoTrust TrueBusiness ID OV", max_names=250, wildcards=True, validation="ov"),
    Product("ssl_ev_basic", "Basic EV", max_names=250, validation="ev"),
    Product("ssl_ev_plus", "Extended Validation SSL", max_names=2, validation="ev"),
    Product("ssl_ev_multi_domain", "EV Multi-Domain", max_names=250, validation="ev"),
    Product("ssl_ev_securesite_flex", "Secure Site EV", max_names=250, validation="ev"),
    Product("ssl_ev_securesite_pro", "Secure Site Pro EV SSL", max_names=250, validation="ev"),
    Product("private_ssl_plus", "Private SSL", max_names=250, validation="ov", private=True),
    Product("private_ssl_wildcard", "Private SSL Wildcard", max_names=250, wildcards=True, wildcard_needed=True,
            validation="ov", private=True),
)  # fmt: skip
GENERIC = "ssl"  # certcentral-api 4.1: chosen by product.type_hint
HINTS = ("private",)
_BY_NAME_ID = {product.name_id: product for product in CATALOGUE}


def product(name_id: str) -> Product:
    if found := _BY_NAME_ID.get(name_id):
        return found
    offered = ", ".join(_BY_NAME_ID)
    raise NotFound(f'There is no product "{name_id[:80]}". Products to order: {offered}.', "not_found|product")


def product_name(name_id: str) -> str:
    """For pages and lists, which also show orders of products no longer sold."""
    found = _BY_NAME_ID.get(name_id)
    return found.name if found else name_id


def product_for(name_id: str, type_hint: str | None, names: Iterable[str]) -> Product:
    """The one named, or for the generic route the one that its hint and its names mean."""
    if name_id != GENERIC:
        return product(name_id)
    if (type_hint or "").strip().lower() not in HINTS:
        raise Rejected(
            'The product "ssl" is chosen by product.type_hint, which is "private" for TLS of a private CA; else name '
            "the product in the path, such as /order/certificate/ssl_basic.",
            "ambiguous_product",
        )
    has_wildcard = any(name.strip().startswith("*.") for name in names)
    return product("private_ssl_wildcard" if has_wildcard else "private_ssl_plus")


def issuing_level(name_id: str) -> Literal["dv", "ov", "ev", "private"]:
    """By which policy it is issued: a private CA claims none of the public ones."""
    found = _BY_NAME_ID.get(name_id)
    return "private" if found and found.private else found.validation if found else "dv"


def level_of(name_id: str) -> Level | None:
    """Also of products no longer sold: those asked for nothing more."""
    found = _BY_NAME_ID.get(name_id)
    return found.level if found else None
