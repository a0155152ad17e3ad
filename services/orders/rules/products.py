from dataclasses import dataclass

from shared.errors import NotFound


@dataclass(frozen=True)
class Product:
    name_id: str
    name: str
    max_names: int
    wildcards: bool = False  # a name may be a wildcard
    wildcard_needed: bool = False  # one must be
    type: str = "ssl_certificate"
    group_name: str = "ssl_certificate"


ORDER_YEARS = (1, 2, 3)
SIGNATURE_HASHES = ("sha256", "sha384", "sha512")

# Domain-validated products only: nothing else can be proven yet. Prices are billing's, by the same name_id.
CATALOGUE = (
    Product("ssl_dv_geotrust", "GeoTrust DV SSL", max_names=250),
    Product("ssl_dv_geotrust_flex", "GeoTrust DV SSL Flex", max_names=250, wildcards=True),
    Product("ssl_dv_rapidssl", "RapidSSL Standard DV", max_names=2),
    Product("wildcard_dv_geotrust", "GeoTrust DV SSL Wildcard", max_names=2, wildcards=True, wildcard_needed=True),
    Product("wildcard_dv_rapidssl", "RapidSSL Wildcard DV", max_names=2, wildcards=True, wildcard_needed=True),
    Product("cloud_dv_geotrust", "GeoTrust Cloud DV", max_names=250, wildcards=True),
)
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
