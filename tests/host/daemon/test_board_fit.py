"""A configuration that was written for another board is told in a sentence, with the remedy."""

import pytest
from support.streams import identify
from tcxo_host.config.settings import PwmConfig
from tcxo_host.daemon.board_fit import misfits
from tcxo_protocol.spec import Role

BOARD = identify()


def without(role):
    return identify(channels=tuple(channel for channel in BOARD.channels if channel.role != role))


def test_the_usual_board_fits_the_usual_settings():
    assert misfits(BOARD, PwmConfig()) == []


@pytest.mark.parametrize("role", [Role.GPS_PPS, Role.HOST_PWM])
def test_a_channel_that_is_needed_is_missed(role):
    (told,) = misfits(without(role), PwmConfig())
    assert f"no {role.name.lower()} channel" in told
    assert "tcxo-flash" in told


def test_the_rtc_is_not_needed():
    assert misfits(without(Role.RTC_PPS), PwmConfig()) == []


def test_another_pwm_rate_is_told_with_the_setting_that_mends_it():
    assert misfits(BOARD, PwmConfig(rate_hz=100)) == [
        "board TEST expects 50 Hz on its host_pwm pin X2, but pwm.rate_hz is 100: set pwm.rate_hz = 50, or change the"
        " board_config and flash it"
    ]


def test_a_pwm_that_is_not_ours_has_any_rate():
    assert misfits(BOARD, PwmConfig(rate_hz=100, mode="off")) == []
