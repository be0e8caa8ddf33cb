"""What the audit row of a page tells: what was shown, of whom, and in which registers; SQL, pure."""

from sharedplan.store import trail as trails
from sharedplan.store.joint import ASKED
from sharedplan.store.weighing import HEAVY


def told(name: str, *types: str) -> str:
    """SQL of how the log names what was shown, of one of these types; null for a Subscription, for which one it was is
    its owner's alone to know."""
    return f"CASE WHEN NOT starts_with({name}, 'Subscription/') THEN {name} END" if "Subscription" in types else name


def recorded(first: int, *, name: str, unless: str = "") -> str:
    """The steps that put in the audit row, whose values are the parameters from `first` on: with the resources that the
    rows of `shown` are (each by its `name`), the patients whom they speak of beside those who were asked about, and
    the registers of what speaks of any, or of all when nothing does. There is none when `unless` is true."""
    asked = trails.placeholder(first, "patients")
    told = {"spoken_of": "told.patients", "shown": "told.resources", "registers": "told.registers"}
    return f"""told AS MATERIALIZED (
            SELECT (
                SELECT array_agg(DISTINCT p) FROM (
                    SELECT unnest(patients) AS p FROM shown UNION ALL SELECT unnest({asked})
                ) spoken_of
            ) AS patients,
                (SELECT array_agg({name}) FROM shown) AS resources,
                (SELECT array_agg(DISTINCT controller) FROM shown WHERE controller IS NOT NULL AND (
                    patients IS NOT NULL OR NOT EXISTS (SELECT FROM shown WHERE patients IS NOT NULL)
                )) AS registers
            {f"WHERE NOT ({unless})" if unless else ""}
        ),
        recorded AS ({trails.insert(first, **told, source="told")})"""


def recorded_of_all(name: str) -> str:
    """The same for all who are `asked`, by the rows of `paged`, which tell their turns."""
    told = {"spoken_of": "told.spoken_of", "shown": "told.resources", "registers": "told.registers"}
    own = f"FROM paged WHERE paged.turn = {ASKED}.turn"
    return f"""told AS MATERIALIZED (
            SELECT turn AS whose, clock_timestamp() AS at, (
                    SELECT array_agg(DISTINCT p) FROM (
                        SELECT unnest(paged.patients) AS p {own} UNION ALL SELECT unnest({ASKED}.patients)
                    ) spoken_of
                ) AS spoken_of,
                (SELECT array_agg({name}) {own} AND id IS NOT NULL) AS resources,
                (SELECT array_agg(DISTINCT controller) {own} AND controller IS NOT NULL AND (
                    patients IS NOT NULL OR NOT EXISTS (SELECT {own} AND patients IS NOT NULL)
                )) AS registers
            FROM {ASKED} WHERE NOT EXISTS (SELECT {own} AND fetched = {HEAVY})
        ),
        recorded AS ({trails.insert(ASKED, **told, source=f"{ASKED} JOIN told ON told.whose = {ASKED}.turn")})"""
