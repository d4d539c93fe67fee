"""A configuration that was written for another board is told in a sentence, with the remedy."""

import pytest
from support.streams import identify
from tcxo_host.daemon.board_fit import misfits
from tcxo_protocol.spec import Role

BOARD = identify()


def without(role):
    return identify(channels=tuple(channel for channel in BOARD.channels if channel.role != role))


def test_the_usual_board_fits():
    assert misfits(BOARD) == []


@pytest.mark.parametrize("role", [Role.GPS_PPS, Role.HOST_PWM])
def test_a_channel_that_is_needed_is_missed(role):
    (told,) = misfits(without(role))
    assert f"no {role.name.lower()} channel" in told
    assert "tcxo-flash" in told


def test_the_rtc_is_not_needed():
    assert misfits(without(Role.RTC_PPS)) == []
