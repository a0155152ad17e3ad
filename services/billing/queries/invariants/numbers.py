from services.billing.queries.invariants.walk import Invariant

SERIES = Invariant(6, "numbers of a series are 1..n without a gap that nobody declared", """
    SELECT 'series ' || c.series || ' of entity ' || c.entity_id || ', ' || c.year FROM number_counter AS c
    LEFT JOIN LATERAL (
      SELECT sum(last - first + 1) AS n, min(first) AS first, max(last) AS last FROM (
        SELECT seq AS first, seq AS last FROM invoice AS i
        WHERE (i.entity_id, i.series, i.year) = (c.entity_id, c.series, c.year)
        UNION ALL
        SELECT seq, seq FROM credit_note AS n WHERE (n.entity_id, n.series, n.year) = (c.entity_id, c.series, c.year)
        UNION ALL
        SELECT g.first, g.last FROM declared_gap AS g
        WHERE (g.entity_id, g.series, g.year) = (c.entity_id, c.series, c.year)
      ) AS drawn) AS d ON true
    WHERE c.last > 0 AND (d.n IS DISTINCT FROM c.last OR d.first <> 1 OR d.last <> c.last)""")  # fmt: skip

UNCOUNTED = Invariant(6, "a number was drawn from its counter", """
    SELECT 'series ' || d.series || ' of entity ' || d.entity_id || ', ' || d.year FROM (
      SELECT entity_id, series, year FROM invoice UNION SELECT entity_id, series, year FROM credit_note
    ) AS d WHERE NOT EXISTS (SELECT FROM number_counter AS c
      WHERE (c.entity_id, c.series, c.year) = (d.entity_id, d.series, d.year))""")  # fmt: skip
