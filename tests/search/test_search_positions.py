"""Places near a point: what is asked for, what is near, and boxes that leave nothing out."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sharedplan.errors import Incorrect
from sharedplan.search.values.position import EARTH, Circle, boxes, holds, metres_between, parse

HELSINKI = (60.1699, 24.9384)
TURKU = (60.4518, 22.2666)
TAMPERE = (61.4978, 23.7610)

LATITUDES = st.floats(-90, 90) | st.sampled_from([-90.0, -89.9999, 0.0, 60.0, 89.9999, 90.0])
LONGITUDES = st.floats(-180, 180) | st.sampled_from([-180.0, -179.9999, 0.0, 179.9999, 180.0])
RADII = st.floats(0, 2.1e7) | st.floats(0, 1000) | st.sampled_from([0.0, 5e4, 1.0007e7, 2.0015e7, 1e9])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("60.1699|24.9384", Circle(*HELSINKI, 50_000)),
        ("60.1699|24.9384|10", Circle(*HELSINKI, 10_000)),
        ("60.1699|24.9384|10|km", Circle(*HELSINKI, 10_000)),
        ("60.1699|24.9384|10.5|m", Circle(*HELSINKI, 10.5)),
        ("60.1699|24.9384|10|", Circle(*HELSINKI, 10_000)),
        ("60.1699|24.9384||", Circle(*HELSINKI, 50_000)),
        ("60.1699|24.9384|1|[mi_i]", Circle(*HELSINKI, 1609.344)),
        ("-83.694810|+42.256500|11.20|km", Circle(-83.69481, 42.2565, 11_200)),
        ("90|-180|0|m", Circle(90, -180, 0)),
        ("6.01e1|24|1e2|cm", Circle(60.1, 24, 1)),
    ],
)
def test_a_value_is_a_circle(text: str, wanted: Circle) -> None:
    assert parse("near", text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "60",
            "60|",
            "|24",
            "60|24|1|km|x",
            "90.1|24",
            "60|180.1",
            "-91|0",
            "60|24|-1|km",
            "60|24|1|kg",
            "60|24|1|[iU]",
        ),
        *(
            "60|24|1|kilometres",
            "60|24||km",
            "nan|24",
            "60|inf",
            "60|24|inf|km",
            "60|24|1e999|m",
            "６0|24",
            "60, 24",
            "60 |24",
        ),
        *(r"60\|24", r"60|24|1|\km", "0x10|24", "60|24|1_0|m", "." * 1000, "9" * 1000 + "|1", "60|24|1|" + "(" * 1000),
    ],
)
def test_anything_else_is_told_with_the_name_of_the_parameter(text: str) -> None:
    with pytest.raises(Incorrect, match=r"^near: "):
        parse("near", text)


def test_distances_are_those_of_great_circles() -> None:
    assert metres_between(*HELSINKI, *TURKU) == pytest.approx(150_300, rel=0.005)
    assert metres_between(*HELSINKI, *TAMPERE) == pytest.approx(160_900, rel=0.005)
    assert metres_between(0, 0, 0, 180) == pytest.approx(EARTH * 3.141592653589793)
    assert metres_between(0, 179.5, 0, -179.5) == pytest.approx(metres_between(0, 0, 0, 1))
    assert metres_between(90, 0, 90, 120) == pytest.approx(0, abs=1e-6)
    assert metres_between(*HELSINKI, *HELSINKI) == 0


def test_what_is_near_lies_in_the_circle() -> None:
    assert holds(Circle(*HELSINKI, 0), HELSINKI)
    assert holds(Circle(*HELSINKI, 151_000), TURKU)
    assert not holds(Circle(*HELSINKI, 150_000), TURKU)
    assert not holds(Circle(*HELSINKI, 1000), (1e6, -1e6))


def test_a_box_is_little_larger_than_its_circle() -> None:
    (south, west, north, east) = boxes(Circle(60, 25, 10_000))[0]
    assert (north - south) * 111_195 == pytest.approx(20_000, rel=0.001)
    assert (east - west) * 111_195 / 2 == pytest.approx(20_000, rel=0.001)


def test_the_date_line_makes_two_boxes_and_a_pole_all_longitudes() -> None:
    assert _sides(Circle(0, 179.5, 111_195)) == [(178.5, 180), (-180, -179.5)]
    assert _sides(Circle(0, -179, 333_585)) == [(178, 180), (-180, -176)]
    ((south, west, north, east),) = boxes(Circle(89.5, 0, 111_195))
    assert (round(south, 1), west, north, east) == (88.5, -180, 90, 180)
    assert boxes(Circle(-90, 0, 0))[0][1:] == pytest.approx((-180, -90, 180), abs=1e-5)
    assert boxes(Circle(10, 20, 1e9)) == [(-90, -180, 90, 180)]


@given(LATITUDES, LONGITUDES, RADII, LATITUDES, LONGITUDES)
@example(0.0, 180.0, 0.0, 0.0, -180.0)
@example(90.0, 0.0, 0.0, 90.0, 77.0)
def test_a_point_in_the_circle_is_in_a_box(lat: float, lon: float, metres: float, north: float, east: float) -> None:
    circle = Circle(lat, lon, metres)
    _enclosed(circle, (north, east))


@given(LATITUDES, LONGITUDES, RADII, st.floats(-1, 1), st.floats(-1, 1))
def test_a_point_near_by_is_in_a_box(lat: float, lon: float, metres: float, up: float, aside: float) -> None:
    _enclosed(Circle(lat, lon, metres), (max(-90.0, min(90.0, lat + up)), max(-180.0, min(180.0, lon + aside))))


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_a_point_on_the_edge_is_in_a_box(lat: float, lon: float, north: float, east: float) -> None:
    circle = Circle(lat, lon, metres_between(lat, lon, north, east))
    assert holds(circle, (north, east))
    _enclosed(circle, (north, east))


def _sides(circle: Circle) -> list[tuple[float, float]]:
    return [(round(west, 2), round(east, 2)) for _, west, _, east in boxes(circle)]


def _enclosed(circle: Circle, point: tuple[float, float]) -> None:
    found = boxes(circle)
    assert 1 <= len(found) <= 2
    assert all(-90 <= s <= n <= 90 and -180 <= w <= e <= 180 for s, w, n, e in found)
    if holds(circle, point):
        assert any(s <= point[0] <= n and w <= point[1] <= e for s, w, n, e in found)
