"""Pages that the database joins to one text in UTF-8, each in one row with what its audit row tells; pure.

To read ten rows, join and encode them costs the service more than the database takes for it. So it is done wherever
several could ask together (`store/joint.py`), no order is asked for and nobody looks into what is found. What a safety
ban hides something of is never joined: who knows the resource takes it out (`search/masking.py`), so such a page is
told to be asked for as rows, and nothing is recorded; as of one that may be too long for an answer.
https://hl7.org/fhir/R4/http.html#search
"""

from sharedplan.fhir import bundles
from sharedplan.store import trail as trails
from sharedplan.store.joint import ASKED
from sharedplan.store.weighing import HEAVY

COLUMNS = ("turn", "total", "as_of", "fetched", "id", "last", "entries", "included")
"""What comes back of each page: `id` and `last` are those of its first and last match, `entries` the matches and
`included` what belongs to them, joined (`bundles.searchset_of`)."""

MASKED = -2
"""In the place of a number of rows, as HEAVY is: a safety ban hides something of them, and none is shown."""

ROWS = "told"
"""The name of the rows that all pages give, each with its turn."""


def page(steps: str, *, type: str, name: str, total: str, moment: str, count: int, has_included: bool) -> str:
    """The SELECT of one page of at most `count` matches, after the steps that find what is `shown`: rows of id,
    content, patients, controller, masked and, where it `has_included`, is_included; and its `size`: of how many matches
    there are, one more than shown if there are others (`n`), and whether all may be too long for an answer, when none
    is shown (`is_heavy`). The other texts are SQL: `type` of a row's type, `name` of how the log names it.
    """
    of_matches = " FILTER (WHERE NOT is_included)" if has_included else ""
    included = _joined(type, "include", "type, id", " FILTER (WHERE is_included)") if has_included else "NULL::bytea"
    is_more = f"(SELECT n FROM size) > {count:d}"
    return f"""
        WITH {steps}
        SELECT {total} AS total, CASE WHEN {is_more} THEN {moment} END AS as_of,
            CASE WHEN (SELECT is_heavy FROM size) THEN {HEAVY} WHEN bool_or(masked) THEN {MASKED}
                WHEN {is_more} THEN (SELECT n FROM size) END AS fetched,
            min(id){of_matches} AS id, max(id){of_matches} AS last,
            {_joined(type, "match", "id", of_matches)} AS entries, {included} AS included,
            array_agg({name}) AS resources, {_REGISTERS} AS registers, {_SPOKEN_OF} AS spoken_of,
            clock_timestamp() AS at
        FROM shown
    """


# Mostly all is of the client who is asked about, and of one register: to see that takes a fifth of gathering them.
_SPOKEN_OF = f"""
    CASE WHEN bool_and(patients = {ASKED}.patients) THEN {ASKED}.patients ELSE (
        SELECT array_agg(DISTINCT p) FROM (
            SELECT unnest(patients) AS p FROM shown UNION ALL SELECT unnest({ASKED}.patients)
        ) spoken_of
    ) END"""
_REGISTERS = """
    CASE WHEN min(controller) = max(controller) AND bool_and(patients IS NOT NULL) THEN ARRAY[min(controller)] ELSE (
        SELECT array_agg(DISTINCT controller) FROM shown WHERE controller IS NOT NULL AND (
            patients IS NOT NULL OR NOT EXISTS (SELECT FROM shown WHERE patients IS NOT NULL)
        )
    ) END"""


def recorded() -> str:
    """The step that puts in the audit row of each page that is shown."""
    told = {"spoken_of": f"{ROWS}.spoken_of", "shown": f"{ROWS}.resources", "registers": f"{ROWS}.registers"}
    source = f"{ASKED} JOIN {ROWS} ON {ROWS}.turn = {ASKED}.turn WHERE coalesce({ROWS}.fetched, 0) >= 0"
    return f"recorded AS ({trails.insert(ASKED, **told, source=source)})"


def shown() -> str:
    """The SELECT of what comes back of all pages."""
    return f"SELECT {', '.join(COLUMNS)} FROM {ROWS} ORDER BY turn"


def _joined(type: str, mode: str, order: str, which: str) -> str:
    """SQL of those of the rows as entries of that mode."""
    head, tail = bundles.around("URL", mode)
    before, after = head.split("URL")
    entry = f"'{before}{bundles.HERE}/' || {type} || '/' || id || '{after}' || content"
    joined = f"string_agg({entry}, '{tail}{bundles.NEXT}' ORDER BY {order}){which}"
    return f"CASE WHEN bool_or(masked) IS NOT TRUE THEN textsend({joined}) END"
