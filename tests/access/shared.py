"""What every service has: its health, its documents, and the operators' pages."""

from tests.access.rules import STAFF, Rule, alone, public

NOWHERE = {"topic": "orders.events.v1", "scope": "none/1"}


def rules_of(service: str) -> dict[str, Rule]:
    here = f"/{service}/operations"
    return {
        f"GET /{service}/openapi.json": public(),
        f"GET /{service}/asyncapi.json": public(),
        f"GET /{service}/health/live": public(),
        f"GET /{service}/health/ready": public(),
        f"GET /{service}/metrics": public(),
        f"GET {here}": alone(STAFF),
        f"GET {here}/parked": alone(STAFF, query=lambda _: NOWHERE),
        f"GET {here}/audit": alone(STAFF),
        f"POST {here}/retry": alone(STAFF, form=lambda _: NOWHERE),
        f"POST {here}/retry-alone": alone(STAFF, form=lambda _: {"seq": 1}),
        f"POST {here}/discard": alone(STAFF, form=lambda _: {"seq": 1, "reason": "x"}),
    }
