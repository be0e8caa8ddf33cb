"""How codes and questions are called."""

from sharedplan.care import codes, displays

ITEM = {
    "linkId": "health",
    "text": "Terveys",
    "_text": {
        "extension": [
            {
                "url": displays.TRANSLATION,
                "extension": [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": "Health"}],
            },
            {"url": displays.TRANSLATION, "extension": [{"url": "lang", "valueCode": "sv"}]},
        ]
    },
}


def test_a_code_is_called_by_its_designations_and_an_unknown_one_by_itself() -> None:
    said = displays.of_code(codes.ENCOUNTER_TYPE, "client-meeting")
    assert said == ("Asiakastapaaminen", "Klientmöte", "Meeting with the client")
    assert displays.of_code(codes.ENCOUNTER_TYPE, "party") == ("party", "party", "party")


def test_every_kind_of_organisation_has_its_own_name_in_each_language() -> None:
    said = displays.of_code(codes.ORGANIZATION_TYPE, "police")
    assert displays.all_of([said, ("a", "b", "c")]) == (f"{said[0]}, a", f"{said[1]}, b", f"{said[2]}, c")
    assert len({*said}) == 3 and "police" not in said


def test_a_question_is_called_by_its_text_and_what_is_not_translated_stays_so() -> None:
    form = {"language": "fi", "item": [{"linkId": "all", "item": [ITEM]}]}
    assert displays.of_question([{}, form], "health") == ("Terveys", "Terveys", "Health")
    assert displays.of_question([form], "needs") == ("needs", "needs", "needs")
