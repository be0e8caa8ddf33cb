"""The README lists every measure that is computed, with the rules that its Measure names."""

import re
from pathlib import Path

from sharedplan import published
from sharedplan.care.measures.known import MEASURES

ROW = re.compile(r"^\| `([\w-]+)` \| ([\w., ]+) \|.*\|$", re.MULTILINE)


def test_every_measure_stands_in_the_table_with_its_rules() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    _, _, section = readme.partition("### What each measure counts")
    rows = dict(ROW.findall(section.partition("\n## ")[0]))
    assert rows.keys() == MEASURES.keys()
    for each in published.of_type("Measure"):
        assert each["rationale"] == f"Rules of the service models: {rows[each['id']]}.", each["id"]
