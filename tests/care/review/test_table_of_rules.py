"""The README lists every rule with what the service does and the test that shows it; the test is there."""

import re
from pathlib import Path

from sharedplan.care.review.findings import RULES

HERE = Path(__file__).parent
ROW = re.compile(r"^\| (one-plan|R\d\.\d+) \|.*\| `(\w+)`: ([\w ]+) \|$", re.MULTILINE)


def test_every_rule_stands_in_the_table_with_a_test_that_is_there() -> None:
    readme = (HERE.parents[2] / "README.md").read_text(encoding="utf-8")
    _, _, section = readme.partition("### What each rule does")
    rows = ROW.findall(section.partition("\n## ")[0])
    assert [id for id, _, _ in rows] == list(RULES)
    for id, file, name in rows:
        source = (HERE / f"test_{file}.py").read_text(encoding="utf-8")
        assert f"def test_{name.replace(' ', '_')}(" in source, id
