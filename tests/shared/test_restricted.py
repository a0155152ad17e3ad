from contextlib import nullcontext

import pytest

from shared.errors import Denied
from shared.web.restricted import require_key_for

ROUTES = {
    "GET order/certificate": {0, 100, 101, 102},
    "POST order/certificate/ssl_plus": {0, 100, 101},
    "PUT request/7/status": {0, 100, 101},
    "GET certificate/7/download/format/pem_all": {0, 100, 101, 102},
    "GET domain": {0, 101, 102},
    "POST domain": {0, 101},
    "POST organization": {0, 101},
    "GET organization": {0, 101, 102},
    "GET finance/balance": {0, 100, 101, 102},
    "GET finance/balance-history": {0, 102},
    "POST finance/order-pricing": {0, 100, 101},
    "GET finance/invoice/7/pdf": {0, 102},
    "POST finance/deposit": {0},
    "GET user": {0, 102, 103},
    "POST user": {0, 103},
    "GET user/me": {0, 100, 101, 102, 103},
    "GET container": {0, 100, 101, 102, 103},
    "POST container/14/children": {0},
    "GET product": {0, 100, 101, 102},
    "GET product/pricing": {0, 102},
    "GET account": {0, 102},
    "GET account/metadata": {0, 100, 101, 102},
    "GET webhook": {0, 102},
    "POST webhook": {0},
    "GET ordering": {0, 102},
    "GET a-route-of-tomorrow": {0, 102},
}


@pytest.mark.parametrize("key_role", [0, 100, 101, 102, 103, 104])
@pytest.mark.parametrize("route", ROUTES)
def test_a_restricted_key_does_what_its_restriction_says_and_nothing_else(route: str, key_role: int) -> None:
    method, _, path = route.partition(" ")
    allowed = nullcontext() if key_role in ROUTES[route] else pytest.raises(Denied, match=r"key .*\.$")
    with allowed:
        require_key_for(key_role, method, f"/services/v2/{path}")
