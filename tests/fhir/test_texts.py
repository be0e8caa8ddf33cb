"""Every text of a resource with where it stands."""

from sharedplan.fhir import texts

TASK = {
    "resourceType": "Task",
    "id": "1",
    "text": {"status": "generated", "div": '<div>a&#45;<b title="t">b</b></div>'},
    "contained": [{"resourceType": "Observation", "id": "o", "valueString": "in it"}],
    "description": "all",
    "_description": {"extension": [{"url": "urn:x", "valueCode": "c"}]},
    "input": [{"type": {"text": "kind"}, "valueString": "given"}, {"type": {"text": "n"}, "valueInteger": 3}],
    "unknown": {"deep": ["down"]},
}


def test_every_text_is_told_with_its_path() -> None:
    assert list(texts.each(TASK)) == [
        ("Task.resourceType", "Task"),
        ("Task.id", "1"),
        ("Task.text.status", "generated"),
        ("Task.text.div", '<div>a&#45;<b title="t">b</b></div>'),
        ("Task.text.div", "a-b"),
        ("Task.contained[0].resourceType", "Observation"),
        ("Task.contained[0].id", "o"),
        ("Task.contained[0].value", "in it"),
        ("Task.description", "all"),
        ("Task.description.extension[0].url", "urn:x"),
        ("Task.description.extension[0].value", "c"),
        ("Task.input[0].type.text", "kind"),
        ("Task.input[0].value", "given"),
        ("Task.input[1].type.text", "n"),
        ("Task.unknown.deep[0]", "down"),
    ]
