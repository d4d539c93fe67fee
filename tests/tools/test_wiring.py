"""The drawings show the pins of the boards' data."""

import xml.etree.ElementTree as ElementTree

import pytest
from tcxo_host.flash.files import board_data, real_boards
from tcxo_tools import wiring

TEXT = "{http://www.w3.org/2000/svg}text"


def test_the_drawings_are_those_of_the_boards():
    assert wiring.main(["--check"]) == 0


@pytest.mark.parametrize("name", real_boards())
def test_a_drawing_names_each_pin_of_its_board(name):
    board = board_data(name)
    told = [each.text for each in ElementTree.fromstring(wiring.drawing(board)).iter(TEXT)]
    assert name in told
    for channel in board["channels"]:
        assert (channel["pin"] in told) == channel.get("enabled", True)
    assert "32: GPIO12" in told
