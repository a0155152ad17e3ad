from services.billing.queries.invariants.walk import NO_ID, History, Invariant, Walk

JOURNAL = Walk(
    "journal", 20_000,
    (
        Invariant(1, "the postings of a journal entry sum to zero", """
            SELECT 'journal entry ' || p.journal_id FROM posting AS p
            WHERE p.journal_id > :after AND p.journal_id <= :until
            GROUP BY p.journal_id, p.currency HAVING sum(p.amount) <> 0"""),
        Invariant(13, "a transfer takes from one division what it gives to another", """
            SELECT 'journal entry ' || j.id FROM journal AS j JOIN posting AS p ON p.journal_id = j.id
            WHERE j.id > :after AND j.id <= :until AND j.kind = 'transfer' AND p.ledger LIKE 'funds:%'
            GROUP BY j.id HAVING sum(p.amount) <> 0"""),
    ),
    first=NO_ID,
)  # fmt: skip

PLACES = History(
    "posting", 20_000,
    (
        Invariant(2, "each balance_after is the one before it and the amount; places are 1..n", """
            SELECT 'place ' || p.seq || ' of division ' || p.division_id FROM posting AS p
            LEFT JOIN posting AS q ON q.division_id = p.division_id AND q.seq = p.seq - 1
            WHERE (p.division_id, p.seq) > (:after, :after_seq) AND (p.division_id, p.seq) <= (:until, :until_seq)
              AND (p.balance_after <> coalesce(q.balance_after, 0) + p.amount OR (p.seq > 1 AND q.seq IS NULL))"""),
    ),
)  # fmt: skip

FUNDS = Walk(
    "funds", 2_000,
    (
        Invariant(2, "the balance is the last balance_after, at the last place", """
            SELECT 'funds of division ' || f.division_id FROM funds AS f
            LEFT JOIN posting AS p ON p.division_id = f.division_id AND p.seq = f.seq
            WHERE f.division_id > :after AND f.division_id <= :until AND (
              f.balance <> coalesce(p.balance_after, 0) OR (f.seq > 0 AND p.seq IS NULL)
              OR EXISTS (SELECT FROM posting AS q WHERE q.division_id = f.division_id AND q.seq > f.seq))"""),
        Invariant(5, "what is owed on credit is the last place of its history", """
            SELECT 'funds of division ' || f.division_id FROM funds AS f
            LEFT JOIN on_account AS o ON o.division_id = f.division_id AND o.seq = f.owed_seq
            WHERE f.division_id > :after AND f.division_id <= :until AND (
              f.accrued <> coalesce(o.accrued_after, 0) OR f.invoiced <> coalesce(o.invoiced_after, 0)
              OR EXISTS (SELECT FROM on_account AS q WHERE q.division_id = f.division_id AND q.seq > f.owed_seq))"""),
        Invariant(5, "what is owed on credit is unbilled usage and what is due on usage invoices", """
            SELECT 'funds of division ' || f.division_id FROM funds AS f
            WHERE f.division_id > :after AND f.division_id <= :until AND (
              f.accrued <> coalesce((SELECT sum(total) FROM usage AS u WHERE u.account_id = f.account_id
                AND u.invoice_id IS NULL AND u.released_at IS NULL AND u.funds_division_id = f.division_id), 0)
              OR f.invoiced <> coalesce((SELECT sum(r.total - r.paid - r.credited) FROM receivable AS r
                WHERE r.funds_division_id = f.division_id AND r.kind = 'usage'
                AND r.paid + r.credited < r.total), 0))"""),
        Invariant(5, "no debt is asked for twice", """
            SELECT 'funds of division ' || f.division_id FROM funds AS f
            WHERE f.division_id > :after AND f.division_id <= :until AND greatest(0, -f.balance) < coalesce((
              SELECT sum(r.total - r.paid - r.credited) FROM receivable AS r WHERE r.funds_division_id = f.division_id
              AND r.kind = 'amount_owed' AND r.paid + r.credited < r.total), 0)"""),
        Invariant(3, "only separate funds stand beside the account's", """
            SELECT 'funds of division ' || f.division_id FROM funds AS f JOIN account AS a ON a.id = f.account_id
            JOIN funds AS t ON t.division_id = a.top_division_id
            WHERE f.division_id > :after AND f.division_id <= :until AND f.division_id <> t.division_id
              AND NOT t.separate AND (f.balance <> 0 OR f.accrued <> 0 OR f.invoiced <> 0)"""),
    ),
    key="division_id",
)  # fmt: skip

OWED = History(
    "on_account", 20_000,
    (
        Invariant(5, "each place of what is owed is the one before it and the change; places are 1..n", """
            SELECT 'place ' || p.seq || ' of what division ' || p.division_id || ' owes' FROM on_account AS p
            LEFT JOIN on_account AS q ON q.division_id = p.division_id AND q.seq = p.seq - 1
            WHERE (p.division_id, p.seq) > (:after, :after_seq) AND (p.division_id, p.seq) <= (:until, :until_seq) AND (
              p.accrued_after <> coalesce(q.accrued_after, 0) + p.accrued
              OR p.invoiced_after <> coalesce(q.invoiced_after, 0) + p.invoiced OR (p.seq > 1 AND q.seq IS NULL))"""),
        Invariant(5, "the rows of what is due are counted 1..n", """
            SELECT 'place ' || p.seq || ' of what division ' || p.division_id || ' owes' FROM on_account AS p
            LEFT JOIN on_account AS q ON q.division_id = p.division_id AND q.seq = p.seq - 1
            WHERE (p.division_id, p.seq) > (:after, :after_seq) AND (p.division_id, p.seq) <= (:until, :until_seq)
              AND p.invoiced_seq <> coalesce(q.invoiced_seq, 0) + (p.invoiced <> 0)::int"""),
        Invariant(5, "the ledgers say what is owed", """
            SELECT 'place ' || p.seq || ' of what division ' || p.division_id || ' owes' FROM on_account AS p
            WHERE (p.division_id, p.seq) > (:after, :after_seq) AND (p.division_id, p.seq) <= (:until, :until_seq) AND (
              p.accrued <> -coalesce((SELECT sum(amount) FROM posting AS x WHERE x.journal_id = p.journal_id
                AND x.ledger = 'accrued:' || p.division_id), 0)
              OR p.invoiced <> -coalesce((SELECT sum(amount) FROM posting AS x WHERE x.journal_id = p.journal_id
                AND x.ledger = 'receivable:' || p.division_id), 0)) AND NOT EXISTS (
              SELECT FROM on_account AS o WHERE o.journal_id = p.journal_id AND o.division_id = p.division_id
                AND o.seq <> p.seq)"""),
    ),
)  # fmt: skip

ACCOUNTS = Walk(
    "account", 2_000,
    (
        Invariant(3, "one limit is shared: the account's row holds the credit that all divisions use", """
            SELECT 'account ' || a.id FROM account AS a JOIN funds AS t ON t.division_id = a.top_division_id
            WHERE a.id > :after AND a.id <= :until AND t.account_id = a.id AND t.used_credit <> (
              SELECT sum(greatest(0, accrued + invoiced - balance)) FROM funds AS f WHERE f.account_id = a.id)"""),
    ),
)  # fmt: skip

OPENINGS = Walk(
    "opening_balance", 5_000,
    (
        Invariant(7, "what an account had elsewhere is booked once", """
            SELECT 'opening balance of division ' || o.division_id FROM opening_balance AS o LEFT JOIN posting AS p
              ON p.journal_id = o.journal_id AND p.division_id = o.funds_division_id
            WHERE o.journal_id > :after AND o.journal_id <= :until AND p.amount IS DISTINCT FROM o.amount"""),
    ),
    key="journal_id",
    first=NO_ID,
)  # fmt: skip
