from services.billing.queries.invariants.walk import Invariant, Walk

INVOICES = Walk(
    "invoice", 5_000,
    (
        Invariant(4, "an invoice is its lines and its VAT groups, each rounded once", """
            SELECT 'invoice ' || i.number FROM invoice AS i
            LEFT JOIN (SELECT invoice_id, sum(net) AS net, bool_or(net <> quantity * unit_price) AS wrong
              FROM invoice_line WHERE invoice_id > :after AND invoice_id <= :until GROUP BY 1) AS l
              ON l.invoice_id = i.id
            LEFT JOIN (SELECT invoice_id, sum(net) AS net, sum(tax) AS tax,
                bool_or(tax <> trunc(net * rate / 100 + sign(net) * 0.5)) AS wrong
              FROM tax_group WHERE invoice_id > :after AND invoice_id <= :until GROUP BY 1) AS t ON t.invoice_id = i.id
            WHERE i.id > :after AND i.id <= :until AND (
              i.net IS DISTINCT FROM l.net OR i.net IS DISTINCT FROM t.net OR i.tax IS DISTINCT FROM t.tax
              OR i.total <> i.net + i.tax OR l.wrong OR t.wrong)"""),
        Invariant(4, "what is paid was allocated, and no more is paid or credited than asked for", """
            SELECT 'invoice ' || i.number FROM invoice AS i LEFT JOIN receivable AS r ON r.invoice_id = i.id
            WHERE i.id > :after AND i.id <= :until AND (
              (i.kind = 'order') <> (r.invoice_id IS NULL)
              OR r.total <> i.total OR r.due_on <> i.due_on OR r.division_id <> i.division_id
              OR r.paid - r.paid_before <> coalesce(
                (SELECT sum(amount) FROM allocation AS a WHERE a.invoice_id = i.id), 0)
              OR r.paid + r.credited > r.total OR r.paid < r.paid_before
              OR (r.settled_on IS NULL) <> (r.paid + r.credited < r.total)
              OR r.paid_before <> i.total - i.due_at_issue OR (r.paid_before > 0 AND i.legacy_number IS NULL))"""),
        Invariant(5, "what is due on a month's invoice is told by the rows of its funds that name it", """
            SELECT 'invoice ' || r.number FROM receivable AS r
            WHERE r.invoice_id > :after AND r.invoice_id <= :until AND r.kind = 'usage'
              AND r.total - r.paid - r.credited <> coalesce((SELECT sum(o.invoiced) FROM on_account AS o
                WHERE o.invoice_id = r.invoice_id AND o.division_id = r.funds_division_id), 0)"""),
        Invariant(10, "a payment request has no VAT", """
            SELECT 'invoice ' || i.number FROM invoice AS i WHERE i.id > :after AND i.id <= :until
              AND i.kind IN ('purchase_order', 'amount_owed') AND i.tax <> 0"""),
        Invariant(11, "a month's invoice is what was recorded", """
            SELECT 'invoice ' || i.number FROM invoice AS i WHERE i.id > :after AND i.id <= :until AND i.kind = 'usage'
              AND i.net <> coalesce((SELECT sum(net) FROM usage AS u WHERE u.invoice_id = i.id), 0)"""),
        Invariant(11, "an order's invoice was charged", """
            SELECT 'invoice ' || i.number FROM invoice AS i WHERE i.id > :after AND i.id <= :until AND i.kind = 'order'
              AND NOT EXISTS (SELECT FROM charge AS c WHERE c.id = i.receipt_id AND c.invoice_id = i.id)"""),
        Invariant(12, "an invoice has its paper", """
            SELECT 'invoice ' || i.number FROM invoice AS i WHERE i.id > :after AND i.id <= :until AND NOT EXISTS
              (SELECT FROM document AS d WHERE d.kind = 'invoice' AND d.subject_id = i.id)"""),
    ),
)  # fmt: skip
