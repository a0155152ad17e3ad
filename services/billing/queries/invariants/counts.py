from services.billing.queries.invariants.walk import Invariant, Walk


def _differing(counts: str, table: str, by: str, where: str) -> str:
    return f"""
            SELECT 'division ' || division_id FROM (
              SELECT {by}, n FROM {counts} WHERE division_id > :after AND division_id <= :until) AS kept
            FULL JOIN (
              SELECT {by}, count(*) AS n FROM {table}
              WHERE division_id > :after AND division_id <= :until AND {where} GROUP BY {by}) AS there USING ({by})
            WHERE kept.n IS DISTINCT FROM there.n"""  # noqa: S608


COUNTS = Walk(
    "division", 500,
    (
        Invariant(14, "as many invoices of each kind are counted as there are",
                  _differing("invoice_count", "invoice", "division_id, kind", "true")),
        Invariant(14, "as many entries of each type are counted as there are",
                  _differing("entry_count", "posting", "division_id, type", "true")),
        Invariant(14, "as many orders on account are counted as there are",
                  _differing("usage_count", "usage", "division_id", "order_id IS NOT NULL")),
    ),
)  # fmt: skip
