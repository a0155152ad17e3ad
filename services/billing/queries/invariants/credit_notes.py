from services.billing.queries.invariants.walk import Invariant, Walk

NOTES = Walk(
    "credit_note", 5_000,
    (
        Invariant(9, "a credit note is its lines and its VAT groups", """
            SELECT 'credit note ' || n.number FROM credit_note AS n
            WHERE n.id > :after AND n.id <= :until AND (
              n.net <> (SELECT coalesce(sum(net), 0) FROM credit_note_line WHERE credit_note_id = n.id)
              OR n.net <> (SELECT coalesce(sum(net), 0) FROM credit_note_tax WHERE credit_note_id = n.id)
              OR n.tax <> (SELECT coalesce(sum(tax), 0) FROM credit_note_tax WHERE credit_note_id = n.id)
              OR n.total <> n.net + n.tax OR n.total <> n.pre_payment + n.post_payment
              OR EXISTS (SELECT FROM credit_note_tax AS t WHERE t.credit_note_id = n.id AND t.net <> (
                SELECT sum(net) FROM credit_note_line AS l WHERE l.credit_note_id = n.id AND l.category = t.category
                AND l.rate = t.rate)))"""),
        Invariant(9, "no line, VAT group or invoice is credited with more than it has", """
            WITH touched AS (SELECT DISTINCT invoice_id FROM credit_note WHERE id > :after AND id <= :until)
            SELECT 'invoice ' || i.number FROM touched AS t JOIN invoice AS i ON i.id = t.invoice_id WHERE
              (SELECT sum(total) FROM credit_note AS o WHERE o.invoice_id = i.id) > i.total
              OR EXISTS (SELECT FROM credit_note_line AS c JOIN invoice_line AS l
                ON l.invoice_id = c.invoice_id AND l.position = c.line WHERE c.invoice_id = i.id
                GROUP BY l.position, l.net HAVING sum(c.net) > l.net)
              OR EXISTS (SELECT FROM credit_note_tax AS c JOIN tax_group AS g USING (invoice_id, category, rate)
                WHERE c.invoice_id = i.id GROUP BY g.category, g.rate, g.net, g.tax, g.accounting_tax
                HAVING sum(c.net) > g.net OR sum(c.tax) > g.tax OR sum(c.accounting_tax) > g.accounting_tax)"""),
        Invariant(9, "the note that takes the last of an invoice says so and takes all of its VAT", """
            WITH touched AS (SELECT DISTINCT invoice_id FROM credit_note WHERE id > :after AND id <= :until)
            SELECT 'invoice ' || i.number FROM touched AS t JOIN invoice AS i ON i.id = t.invoice_id WHERE
              (SELECT bool_or(exhausts) <> (sum(total) = i.total) FROM credit_note AS o WHERE o.invoice_id = i.id)
              OR EXISTS (SELECT FROM credit_note_tax AS c JOIN tax_group AS g USING (invoice_id, category, rate)
                WHERE c.invoice_id = i.id GROUP BY g.category, g.rate, g.net, g.tax, g.accounting_tax
                HAVING sum(c.net) = g.net AND (sum(c.tax) <> g.tax OR sum(c.accounting_tax) <> g.accounting_tax))"""),
        Invariant(4, "what is credited lowered what is due, or was paid and is returned", """
            WITH touched AS (SELECT DISTINCT invoice_id FROM credit_note WHERE id > :after AND id <= :until)
            SELECT 'invoice ' || r.number FROM touched AS t JOIN receivable AS r ON r.invoice_id = t.invoice_id
            WHERE r.returned > r.paid OR r.credited + r.returned <> (
              SELECT coalesce(sum(total), 0) FROM credit_note AS o WHERE o.invoice_id = r.invoice_id)"""),
        Invariant(4, "what was charged to the funds goes back there, and what only asked for money does not", """
            SELECT 'credit note ' || n.number FROM credit_note AS n
            LEFT JOIN receivable AS r ON r.invoice_id = n.invoice_id
            WHERE n.id > :after AND n.id <= :until AND ((n.pre_payment <> 0 AND r.invoice_id IS NULL)
              OR (n.post_payment <> 0 AND r.kind IN ('purchase_order', 'amount_owed')))"""),
        Invariant(9, "a credit note books what it takes back of what was sold, and nothing else", """
            SELECT 'credit note ' || n.number FROM credit_note AS n JOIN invoice AS i ON i.id = n.invoice_id
            LEFT JOIN LATERAL (
              SELECT -sum(p.amount) FILTER (WHERE p.ledger LIKE 'revenue:%') AS net,
                sum(p.amount) FILTER (WHERE p.ledger LIKE 'receivable:%') AS pre,
                sum(p.amount) FILTER (WHERE p.ledger LIKE 'funds:%') AS post
              FROM journal AS j JOIN posting AS p ON p.journal_id = j.id WHERE j.account_id = n.account_id
              AND j.at = n.issued_at AND j.kind = 'credit' AND j.subject_id = n.id) AS b ON true
            WHERE n.id > :after AND n.id <= :until AND CASE WHEN i.kind IN ('order', 'usage')
              THEN coalesce(b.net, 0) <> n.net OR coalesce(b.pre, 0) <> n.pre_payment
                OR coalesce(b.post, 0) <> n.post_payment
              ELSE num_nonnulls(b.net, b.pre, b.post) > 0 END"""),
        Invariant(11, "an order ends once, with a note over all that was left of it or without one", """
            SELECT 'credit note ' || n.number FROM credit_note AS n
            WHERE n.id > :after AND n.id <= :until AND n.ends_part AND (
              EXISTS (SELECT FROM ended_order AS e
                WHERE (e.source, e.order_id, e.request_id) = (n.order_source, n.order_id, n.request_id))
              OR EXISTS (SELECT FROM invoice_line AS l LEFT JOIN usage AS u ON u.invoice_id = l.invoice_id
                  AND (u.source, u.order_id, u.request_id) = (n.order_source, n.order_id, n.request_id)
                WHERE l.invoice_id = n.invoice_id AND l.order_source = n.order_source AND l.order_id = n.order_id
                AND (u.id IS NULL OR l.position - u.first_line BETWEEN 0 AND jsonb_array_length(u.quote -> 'lines') - 1)
                AND l.net <> (
                  SELECT coalesce(sum(c.net), 0) FROM credit_note_line AS c
                  WHERE c.invoice_id = l.invoice_id AND c.line = l.position)))"""),
        Invariant(12, "a credit note has its paper", """
            SELECT 'credit note ' || n.number FROM credit_note AS n WHERE n.id > :after AND n.id <= :until
              AND NOT EXISTS (SELECT FROM document AS d WHERE d.kind = 'credit_note' AND d.subject_id = n.id)"""),
    ),
)  # fmt: skip
