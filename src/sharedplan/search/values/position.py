"""Places near a point, for Location's `near`: latitude|longitude|distance|units.

https://hl7.org/fhir/R4/location.html#positional

Distances are along great circles of a sphere of the Earth's mean radius, right to half a percent. Latitudes and
longitudes are in degrees of WGS84, distances in metres. Boxes are (south, west, north, east): what an index can be
asked for before each point is measured.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import asin, atan2, cos, degrees, pi, radians, sin, sqrt
from typing import Any, TypeAlias

from sharedplan.errors import Incorrect
from sharedplan.fhir.paths import Visit
from sharedplan.search.values.escapes import plain, split
from sharedplan.search.values.units import canonical

Box: TypeAlias = tuple[float, float, float, float]

EARTH = 6371008.8
"""The mean radius, in metres."""

DISTANCE = Decimal(50)
"""What is near when no distance is given, in the units that are, or kilometres."""

UNITS = "km"

_NUMBER = re.compile(r"(?a)[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?")
_MARGIN = 1e-6  # degrees, a tenth of a metre: more than the arithmetic of floats can err


@dataclass(frozen=True, slots=True)
class Circle:
    latitude: float
    longitude: float
    metres: float


def parse(name: str, text: str) -> Circle:
    """The circle that a value of the parameter asks for; distance and units may be empty or left out.

    Without a distance it is 50 km, without units kilometres. Raises Incorrect, naming the parameter.
    """
    parts = [plain(part) for part in split(text, "|")]
    if not 2 <= len(parts) <= 4:
        raise _misread(name)
    latitude, longitude, distance, units = (*parts, "", "")[:4]
    north, east = _number(name, latitude), _number(name, longitude)
    if abs(north) > 90 or abs(east) > 180:
        raise Incorrect(f"{name}: a latitude is between -90 and 90 degrees, a longitude between -180 and 180")
    if not distance and units:
        raise Incorrect(f"{name}: units need a distance before them")
    far = canonical(_number(name, distance) if distance else DISTANCE, units or UNITS)
    if far is None or far[1] != "m":
        raise Incorrect(f"{name}: the units are a length in UCUM, such as km, m or [mi_i]")
    if far[0] < 0:
        raise Incorrect(f"{name}: a distance is not negative")
    return Circle(float(north), float(east), float(far[0]))


def _number(name: str, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise _misread(name)
    return Decimal(text)


def _misread(name: str) -> Incorrect:
    return Incorrect(
        f"{name}: a place is latitude|longitude, then |distance and |units if you wish; all but the units are numbers"
    )


def metres_between(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """The length of the great circle's arc between two points."""
    down, across = sin(radians(b_lat - a_lat) / 2), sin(radians(b_lon - a_lon) / 2)
    half = down * down + cos(radians(a_lat)) * cos(radians(b_lat)) * across * across
    half = min(max(half, 0.0), 1.0)  # floats err, and nothing keeps a stored latitude below 90
    return 2 * EARTH * atan2(sqrt(half), sqrt(1 - half))


def holds(circle: Circle, point: tuple[float, float]) -> bool:
    """Whether a (latitude, longitude) lies in the circle or on its edge."""
    return metres_between(circle.latitude, circle.longitude, *point) <= circle.metres


def boxes(circle: Circle) -> list[Box]:
    """One box that encloses the circle; two, east and west, for a circle across the date line.

    A circle with a pole in it is enclosed by all longitudes.
    """
    around = min(circle.metres / EARTH, pi) + radians(_MARGIN)
    south, north = circle.latitude - degrees(around), circle.latitude + degrees(around)
    if south <= -90 or north >= 90:
        return [(max(south, -90.0), -180.0, min(north, 90.0), 180.0)]
    aside = degrees(asin(min(1.0, sin(around) / cos(radians(circle.latitude))))) + _MARGIN
    west, east = circle.longitude - aside, circle.longitude + aside
    if west < -180:
        return [(south, west + 360, north, 180.0), (south, -180.0, north, east)]
    if east > 180:
        return [(south, west, north, 180.0), (south, -180.0, north, east - 360)]
    return [(south, west, north, east)]


def _position(value: Any, out: list[Any]) -> None:
    if "latitude" in value and "longitude" in value:
        out.append((float(value["latitude"]), float(value["longitude"])))


EXTRACT: Mapping[str, Visit] = {"BackboneElement": _position}
"""Datatype → how its points, (latitude, longitude), are added."""
