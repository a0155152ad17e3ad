from services.billing.queries.invariants.walk import Invariant, Walk

PURCHASE_ORDERS = Walk(
    "purchase_order", 5_000,
    (
        Invariant(10, "an approved purchase order has exactly one invoice over its amount, another none", """
            SELECT 'purchase order ' || o.id FROM purchase_order AS o
            LEFT JOIN invoice AS i ON i.purchase_order_id = o.id
            WHERE o.id > :after AND o.id <= :until
              AND ((o.approved_at IS NULL) <> (i.id IS NULL) OR o.amount <> i.total)"""),
    ),
)  # fmt: skip

PAYMENTS = Walk(
    "payment", 5_000,
    (
        Invariant(8, "a payment gives what came, and a reversed one nothing", """
            SELECT 'payment ' || p.id FROM payment AS p LEFT JOIN (
              SELECT payment_id, sum(amount) AS given FROM allocation WHERE payment_id > :after AND payment_id <= :until
              GROUP BY 1) AS a ON a.payment_id = p.id
            WHERE p.id > :after AND p.id <= :until
              AND (coalesce(a.given, 0) > coalesce(p.received, 0) OR (p.reversed_at IS NOT NULL AND a.given <> 0))"""),
        Invariant(8, "what was booked for a payment is what came", """
            SELECT 'payment ' || p.id FROM payment AS p WHERE p.id > :after AND p.id <= :until
              AND p.settled_at IS NOT NULL AND p.reversed_at IS DISTINCT FROM p.settled_at AND p.received <> coalesce((
                SELECT -sum(x.amount) FROM journal AS j JOIN posting AS x ON x.journal_id = j.id
                WHERE j.account_id = p.account_id AND j.at = p.settled_at AND j.subject_id = p.id AND j.kind = p.purpose
                AND (x.ledger LIKE 'clearing:%' OR (p.method = 'balance' AND x.ledger LIKE 'funds:%'))), 0)"""),
    ),
)  # fmt: skip
