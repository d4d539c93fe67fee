"""An identity in JSON: names that say the unit, one form of ``boot_id``, and nothing lost on the way back."""

import json

import pytest
from support.streams import identify
from tcxo_protocol.json_names import boot_text, identify_of_values, identify_values


def test_the_rate_says_its_unit_and_the_boot_id_is_written_as_everywhere():
    values = identify_values(identify(0x0C07C52))
    assert values["boot_id"] == boot_text(0x0C07C52) == "00c07c52"
    assert [each["rate_millihertz"] for each in values["channels"]] == [1000, 1000, 50_000]
    assert "rate_mhz" not in json.dumps(values)


def test_it_comes_back_whole():
    who = identify(0xFFFFFFFF)
    assert identify_of_values(json.loads(json.dumps(identify_values(who)))) == who


@pytest.mark.parametrize(
    "changes",
    [
        {"boot_id": 7},
        {"boot_id": "0x000007"},
        {"boot_id": "00000007\n"},
        {"channels": [{"id": 1, "role": 1, "rate_mhz": 1000, "pin": ""}]},
        {"channels": 5},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_not_an_identity_is_refused(changes):
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        identify_of_values(identify_values(identify()) | changes)
