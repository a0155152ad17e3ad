from services.billing.queries.invariants.walk import Invariant, Walk

CHARGES = Walk(
    "charge", 10_000,
    (
        Invariant(11, "a charge has its invoice and its journal entry, and all say the same", """
            SELECT 'charge ' || c.id FROM charge AS c LEFT JOIN invoice AS i ON i.id = c.invoice_id
            WHERE c.id > :after AND c.id <= :until AND (
              (i.kind, i.order_source, i.order_id, i.request_id, i.total)
                IS DISTINCT FROM ('order', c.source, c.order_id, c.request_id, c.total)
              OR c.net <> coalesce((SELECT sum(p.amount) FROM journal AS j JOIN posting AS p ON p.journal_id = j.id
                WHERE j.account_id = c.account_id AND j.at = c.charged_at AND j.kind = 'charge' AND j.subject_id = c.id
                AND p.ledger LIKE 'revenue:%'), 0))"""),
        Invariant(11, "an order is charged, or on account, or waits", """
            SELECT 'order ' || c.source || ' ' || c.order_id FROM charge AS c
            WHERE c.id > :after AND c.id <= :until AND (
              EXISTS (SELECT FROM waiting_order AS w
                WHERE (w.source, w.id, w.request_id) = (c.source, c.order_id, c.request_id))
              OR EXISTS (SELECT FROM usage AS u
                WHERE (u.source, u.order_id, u.request_id) = (c.source, c.order_id, c.request_id)))"""),
        Invariant(11, "what is charged beside an order are names that were added to it", """
            SELECT 'charge ' || c.id FROM charge AS c WHERE c.id > :after AND c.id <= :until AND c.request_id <> 0
              AND NOT EXISTS (SELECT FROM added_names AS a
                WHERE (a.source, a.order_id, a.request_id) = (c.source, c.order_id, c.request_id))"""),
    ),
)  # fmt: skip

USAGE = Walk(
    "usage", 10_000,
    (
        Invariant(11, "an order on account does not wait as well, and is claimed by an invoice of its division", """
            SELECT 'usage ' || u.id FROM usage AS u LEFT JOIN invoice AS i ON i.id = u.invoice_id
            WHERE u.id > :after AND u.id <= :until AND (
              EXISTS (SELECT FROM waiting_order AS w
                WHERE (w.source, w.id, w.request_id) = (u.source, u.order_id, u.request_id))
              OR (u.invoice_id IS NOT NULL AND (i.kind, i.division_id) IS DISTINCT FROM ('usage', u.division_id)))"""),
    ),
)  # fmt: skip

OF = "(a.source, a.order_id, a.request_id)"
ENDED = """(EXISTS (SELECT FROM credit_note AS n
  WHERE n.ends_part AND (n.order_source, n.order_id, n.request_id) = {part})
  OR EXISTS (SELECT FROM ended_order AS e WHERE (e.source, e.order_id, e.request_id) = {part}))"""
ADDED = Walk(
    "added_names", 5_000,
    (
        Invariant(11, "names added to an order that goes on are charged, or on account, or wait", f"""
            SELECT 'names added by request ' || a.request_id || ' to order ' || a.source || ' ' || a.order_id
            FROM added_names AS a JOIN charge AS o ON (o.source, o.order_id, o.request_id) = (a.source, a.order_id, 0)
            WHERE a.id > :after AND a.id <= :until AND a.cancelled_at IS NULL
              AND NOT EXISTS (SELECT FROM charge AS c WHERE (c.source, c.order_id, c.request_id) = {OF})
              AND NOT EXISTS (SELECT FROM waiting_order AS w WHERE (w.source, w.id, w.request_id) = {OF})
              AND NOT EXISTS (SELECT FROM usage AS u WHERE (u.source, u.order_id, u.request_id) = {OF})
              AND NOT {ENDED.format(part="(a.source, a.order_id, 0)")}"""),  # noqa: S608
        Invariant(11, "what was charged for names of a cancelled reissue was given back", f"""
            SELECT 'names added by request ' || a.request_id || ' to order ' || a.source || ' ' || a.order_id
            FROM added_names AS a WHERE a.id > :after AND a.id <= :until AND a.cancelled_at IS NOT NULL AND (
              EXISTS (SELECT FROM waiting_order AS w WHERE (w.source, w.id, w.request_id) = {OF})
              OR (EXISTS (SELECT FROM charge AS c WHERE (c.source, c.order_id, c.request_id) = {OF})
                AND NOT {ENDED.format(part=OF)})
              OR EXISTS (SELECT FROM usage AS u WHERE (u.source, u.order_id, u.request_id) = {OF}
                AND u.released_at IS NULL AND (u.invoice_id IS NULL OR NOT {ENDED.format(part=OF)})))"""),  # noqa: S608
    ),
)  # fmt: skip
