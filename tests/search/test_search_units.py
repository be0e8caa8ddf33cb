"""Units of measure: what is equal in UCUM is equal in base units, exactly; what is no code is None."""

from decimal import Decimal
from time import perf_counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedplan.search.values.units import LONGEST, canonical

PREFIXES = {"": 0, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12}
METRIC = st.sampled_from(["g", "m", "s", "L", "l", "mol", "Pa", "J", "U", "[iU]", "kat", "osm", "eq", "bar", "Hz", "W"])
SIMPLE = st.builds(
    lambda prefix, unit, power: f"{prefix}{unit}{power}",
    st.sampled_from(list(PREFIXES)),
    METRIC,
    st.sampled_from(["", "", "", "2", "3", "-1", "+2"]),
)
OTHERS = ["min", "h", "d", "wk", "mo", "a", "%", "10*9", "10^3", "[in_i]", "[lb_av]", "mm[Hg]", "[ft_us]", "{count}"]
CODES = st.builds(
    lambda first, more: first + "".join(more),
    SIMPLE | st.sampled_from(OTHERS),
    st.lists(st.builds(str.__add__, st.sampled_from("./"), SIMPLE | st.sampled_from(OTHERS)), max_size=3),
)
VALUES = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6)


def base(value: str | int, code: str) -> tuple[str, str] | None:
    found = canonical(Decimal(value), code)
    return None if found is None else (f"{found[0]:f}", found[1])


@pytest.mark.parametrize(
    ("value", "code", "wanted"),
    [
        ("1", "kg", ("1", "kg")),
        ("1000", "mg", ("0.001", "kg")),
        ("5.5", "mg/dL", ("0.055", "kg.m-3")),
        ("37", "Cel", ("310.15", "K")),
        ("98.6", "[degF]", ("310.15", "K")),
        ("37000", "mCel{oral}", ("310.15", "K")),
        ("80", "[degRe]", ("373.15", "K")),
        ("120", "mm[Hg]", ("15998.64", "kg.m-1.s-2")),
        ("10", "cm[H2O]", ("980.665", "kg.m-1.s-2")),
        ("72", "/min", ("1.2", "s-1")),
        ("72", "{beats}/min", ("1.2", "s-1")),
        ("1", "wk", ("604800", "s")),
        ("1", "mo", ("2629800", "s")),
        ("1", "a", ("31557600", "s")),
        ("1", "[lb_av]", ("0.45359237", "kg")),
        ("1", "[in_i]", ("0.0254", "m")),
        ("25.1", "kg/m2", ("25.1", "kg.m-2")),
        ("1.20", "kcal", ("5020.8", "kg.m2.s-2")),
        ("1", "kJ/(kg.d)", ("0.01157407407407407407407407407407407", "m2.s-3")),
        ("4.5", "10*9/L", ("4500000000000", "m-3")),
        ("5", "mmol/L", ("3011070380000000000000000", "m-3")),
        ("40", "U/L", ("401476050666666666666.6666666666667", "m-3.s-1")),
        ("7", "k[IU]/mL", ("7000000000", "m-3.[iU]")),
        ("7", "%", ("0.07", "1")),
        ("3", "{score}", ("3", "1")),
        ("3", "1", ("3", "1")),
        ("30", "mg{albumin}/g{creatinine}", ("0.03", "1")),
        ("7.4", "[pH]", ("7.4", "[pH]")),
        ("30", "dB", ("3", "B")),
        ("-0.0", "m", ("0", "m")),
    ],
)
def test_a_value_is_told_in_base_units(value: str, code: str, wanted: tuple[str, str]) -> None:
    assert base(value, code) == wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, "g"), (1000, "mg")),
        ((70, "/min"), (4200, "/h")),
        ((1, "[psi]"), (1, "[lbf_av]/[in_i]2")),
        ((1, "[Cal]"), (1, "kcal_th")),
        ((360, "deg"), (1, "circ")),
        ((1, "L"), (1, "dm3")),
        ((1, "meq/L"), (1, "mmol/L")),
        ((1, "10*3/uL"), (1, "10^9/l")),
        ((1, "[ft_us]"), (12, "[in_us]")),
        ((3937, "[ft_us]"), (1200, "m")),
        ((1, "J.s-1"), (1, "W")),
        ((100, "mg/(12.h)"), (200, "mg/d")),
    ],
)
def test_equal_amounts_are_equal(one: tuple[int, str], other: tuple[int, str]) -> None:
    assert base(*one) == base(*other) is not None


@pytest.mark.parametrize(
    "code",
    [
        *(
            "",
            " ",
            "kg ",
            "mmHg",
            "lbs",
            "KG",
            "years",
            "m/",
            "m//s",
            "m..s",
            ".m",
            "(m",
            "m)",
            "()",
            "((((",
            "{",
            "{a",
        ),
        *(
            "{a{b}}",
            "m{a}{b}",
            "m2{a}3",
            "2m",
            "m100",
            "m-",
            "m/0",
            "0",
            "kmin",
            "mm m",
            "k[lb_av]",
            "Cel/min",
            "2.Cel",
        ),
        *(
            "[degF]2",
            "k",
            "10*99999999",
            "9" * 70,
            "Ym99.Ym99",
            "Gm-99.Gm-99",
            "m²",
            "µm",
            "m\n",
            "\x00",
            "m２",
            "[",
            "]",
        ),
        *("/" * 64, "(" * 64, "m" * 65, "[" * 64, "{" * 64, "mg{}".ljust(64, ")")),
    ],
)
def test_what_is_no_code_has_no_value(code: str) -> None:
    assert canonical(Decimal(1), code) is None


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+401", "1E-401", "1E+999999"])
def test_what_is_no_number_of_this_world_has_no_value(value: str) -> None:
    assert canonical(Decimal(value), "mg") is None


def test_every_unit_of_the_table_has_a_value(units: dict[str, str]) -> None:
    for code, definition in units.items():
        found = canonical(Decimal(1), code)
        assert found is not None, code
        assert canonical(Decimal(2), found[1]) == (2, found[1])
        assert (canonical(Decimal(1), f"m{code}") is not None) >= definition.startswith("*"), code
    assert len(units) > 300


@pytest.fixture
def units(pytestconfig: pytest.Config) -> dict[str, str]:
    path = pytestconfig.rootpath / "src/sharedplan/fhir/definitions/units.json"
    read: dict[str, str] = orjson.loads(path.read_bytes())["units"]
    return read


@given(VALUES, CODES)
def test_base_units_are_their_own(value: Decimal, code: str) -> None:
    found = canonical(value, code)
    assert found is not None or len(code) > LONGEST
    if found is not None:
        assert canonical(*found) == found


@given(VALUES, SIMPLE.filter(lambda code: code.isalpha()), st.sampled_from(list(PREFIXES.items())))
def test_a_prefix_is_a_power_of_ten(value: Decimal, code: str, prefix: tuple[str, int]) -> None:
    bare = next(unit for unit in ("mol", "osm", "bar", "kat", "Pa", "Hz", "eq", *"gmsLlJUW") if code.endswith(unit))
    name, power = prefix
    assert canonical(value, f"{name}{bare}") == canonical(value.scaleb(power), bare)


@given(VALUES, CODES)
def test_a_quotient_undoes_a_product(value: Decimal, code: str) -> None:
    again = f"m.({code})/({code})"
    if len(again) <= LONGEST:
        assert canonical(value, again) == canonical(value, "m")


@given(VALUES, VALUES, CODES)
def test_order_is_kept(one: Decimal, other: Decimal, code: str) -> None:
    first, second = canonical(one, code), canonical(other, code)
    if first is not None and second is not None:
        assert (one < other) == (first[0] < second[0])


@given(st.text(max_size=70) | st.text("mgL/.(){}[]*^10-+%aCelYk", max_size=70))
def test_no_text_is_an_exception(text: str) -> None:
    before = perf_counter()
    found = canonical(Decimal("1.5"), text)
    assert found is None or canonical(*found) == found
    assert perf_counter() - before < 0.1
