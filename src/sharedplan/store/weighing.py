"""Pages that end early when their resources are large: an answer must fit into a worker's memory."""

ANSWER_BYTES = 16 * 1024 * 1024
"""A page ends early when its resources have that many bytes together."""

DENSEST = 256
"""How much larger than it is stored a content can be at most: PostgreSQL's own compression stays below."""


HEAVY = -1
"""In the place of a number of rows: they may be too much for an answer, and none is shown."""


def little() -> str:
    """SQL of whether the rows that are added up, as they are stored, cannot be too much for an answer."""
    return f"coalesce(sum(pg_column_size(content)), 0) <= {ANSWER_BYTES // DENSEST}"


def is_little(rows: str) -> str:
    """SQL of the same of rows of that name."""
    return f"(SELECT {little()} FROM {rows})"


def weighed(rows: str, order: str) -> str:
    """The first of the rows, as many as an answer can hold and one at least; `fetched` says how many there were when
    some are left out, and is null when none are.

    `order` names columns of the rows, without the name of what they come from. To tell the size of a content the
    database reads all of it (5 µs), and 15 more to add the sizes up row by row (measured). Most pages are so small as
    they are stored that they cannot be too much, and most others are not too much as they are.
    """
    bytes = f"coalesce(octet_length({rows}.content::text), 0)"
    return f"""SELECT * FROM (
        WITH fitting AS MATERIALIZED (
            SELECT {is_little(rows)} OR (SELECT coalesce(sum({bytes}), 0) <= {ANSWER_BYTES} FROM {rows}) AS whole
        )
        SELECT {rows}.*, NULL::bigint AS fetched FROM {rows} WHERE (SELECT whole FROM fitting)
        UNION ALL
        SELECT (kept.r).*, kept.fetched FROM (
            SELECT {rows} AS r, (SELECT count(*) FROM {rows}) AS fetched,
                sum({bytes}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - {bytes} AS before
            FROM {rows} WHERE NOT (SELECT whole FROM fitting)
        ) kept WHERE kept.before < {ANSWER_BYTES}
    ) weighed"""
