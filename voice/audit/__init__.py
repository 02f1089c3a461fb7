"""The audit log: one row for each turn, chained by hashes, never any sound.

A row is a JSON text that holds its own number and the SHA-256 of the row before it, so that the
hash of the newest row, the *head*, stands for everything up to it. The head is also kept in a
table of its own, written in the same transaction.

`hean audit verify` finds a row that was changed, removed (at the end too), put in or moved by
anybody who did not rewrite everything after it. No log that lies on the device alone can do
more: who may write the file may also build a whole new chain, cut off its end together with the
noted head, put back an older copy, or delete it. All of that is found only by a head that was
noted elsewhere, on paper or with an export: `hean audit verify --head HASH`.

    record.py    what is recorded of a turn, and how much of its text (see llm/masking.py)
    chain.py     rows, their hashes, and what a break in the chain means
    database.py  the SQLite file: open, migrate, one transaction, clear errors
    log.py       append, read, verify, prune
    export.py    JSON lines that can be verified again, CSV for reading
"""
