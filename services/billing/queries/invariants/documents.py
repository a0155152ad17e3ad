from services.billing.queries.invariants.walk import NO_ID, Invariant, Walk

DOCUMENTS = Walk(
    "document", 500,
    (
        Invariant(12, "a stored copy is what was stored", """
            SELECT 'document ' || d.id FROM document AS d WHERE d.id > :after AND d.id <= :until
              AND d.sha256 IS NOT NULL AND d.sha256 <> encode(sha256(d.pdf), 'hex')"""),
    ),
    first=NO_ID,
)  # fmt: skip
