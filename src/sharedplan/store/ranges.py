"""Ranges of time and of numbers, and distances, compared in SQL as the standard words the prefixes.

https://hl7.org/fhir/R4/search.html#prefix, https://www.postgresql.org/docs/current/functions-range.html
"""

EARTH_RADIUS = 6_371_008.8
"""Metres, the mean."""


def in_time(prefix: str, column: str, low: str, high: str) -> str:
    """One range of time against [low, high)."""
    value, above, below = f"tstzrange({low}, {high})", f"tstzrange({high}, null)", f"tstzrange(null, {low})"
    match prefix:
        case "eq":
            return f"{column} <@ {value}"
        case "ne":
            return f"not {column} <@ {value}"
        case "gt":
            return f"{column} && {above}"
        case "lt":
            return f"{column} && {below}"
        case "ge":
            return f"({column} && {above} or {column} <@ {value})"
        case "le":
            return f"({column} && {below} or {column} <@ {value})"
        case "sa":
            return f"{column} >> {value}"
        case "eb":
            return f"{column} << {value}"
    return f"{column} && {value}"  # ap


def may_be_in_time(prefix: str, span: str, low: str, high: str) -> str:
    """What holds of the enclosing range when it holds of one that it encloses."""
    match prefix:
        case "ne":
            return f"{span} is not null"
        case "gt" | "sa":
            return f"{span} && tstzrange({high}, null)"
        case "lt" | "eb":
            return f"{span} && tstzrange(null, {low})"
        case "ge":
            return f"{span} && tstzrange({low}, null)"
        case "le":
            return f"{span} && tstzrange(null, {high})"
    return f"{span} && tstzrange({low}, {high})"


def beside(prefix: str, value: str) -> str:
    """The range of numbers that a prefix of size means, from the value on or up to it."""
    match prefix:
        case "gt":
            return f"numrange({value}, null, '()')"
        case "ge":
            return f"numrange({value}, null, '[)')"
        case "lt":
            return f"numrange(null, {value}, '()')"
        case "le":
            return f"numrange(null, {value}, '(]')"
    return f"numrange({value}, {value}, '[]')"  # sa, eb


def in_range(prefix: str, column: str, value: str) -> str:
    """One range of numbers against that of the value, as `beside` gives it, or its precision."""
    match prefix:
        case "eq":
            return f"{column} <@ {value}"
        case "ne":
            return f"not {column} <@ {value}"
        case "sa":
            return f"{column} >> {value}"
        case "eb":
            return f"{column} << {value}"
    return f"{column} && {value}"


def within_metres(point: str, latitude: str, longitude: str, metres: str) -> str:
    """Whether a point, an array of latitude and longitude, lies in a circle, by the haversine formula."""
    half_lat, half_lon = f"radians({point}[1] - {latitude}) / 2", f"radians({point}[2] - {longitude}) / 2"
    chord = f"sin({half_lat}) ^ 2 + cos(radians({latitude})) * cos(radians({point}[1])) * sin({half_lon}) ^ 2"
    return f"2 * {EARTH_RADIUS} * asin(sqrt(least(1, greatest(0, {chord})))) <= {metres}"
