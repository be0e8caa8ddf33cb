"""Pages that end early when their resources are large: an answer must fit into a worker's memory."""

ANSWER_BYTES = 16 * 1024 * 1024
"""A page ends early when its resources have that many bytes together."""

DENSEST = 256
"""How much larger than it is stored a content can be at most: PostgreSQL's own compression stays below."""


def weighed(rows: str, order: str) -> str:
    """The first of the rows, as many as an answer can hold and one at least; `fetched` says how many there were.

    `order` names columns of the rows, without the name of what they come from. To tell the size of a content the
    database reads all of it (9 µs, measured). Most pages are so small as they are stored that they cannot be too much.
    """
    bytes = f"CASE WHEN whole.stored > {ANSWER_BYTES // DENSEST} THEN octet_length({rows}.content::text) ELSE 0 END"
    bytes = f"coalesce({bytes}, 0)"
    return f"""
        SELECT * FROM (
            SELECT {rows}.*, whole.fetched,
                sum({bytes}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - {bytes} AS before
            FROM {rows}, (SELECT count(*) AS fetched, sum(pg_column_size(content)) AS stored FROM {rows}) whole
        ) weighed WHERE before < {ANSWER_BYTES}
    """
