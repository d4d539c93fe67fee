"""Whether the board at the other end fits the configuration. Pure."""

from __future__ import annotations

from tcxo_protocol.records import Identify
from tcxo_protocol.spec import Role, role_name

from ..config.settings import PwmConfig

__all__ = ["misfits"]


def misfits(board: Identify, pwm: PwmConfig) -> list[str]:
    """Why this board cannot be used with these settings: one sentence for each reason, with its remedy."""
    found = []
    for role in (Role.GPS_PPS, Role.HOST_PWM):
        if not any(channel.role == role for channel in board.channels):
            found.append(
                f"board {board.board} has no {role_name(role)} channel, and nothing can be published without it:"
                " give it one in its board_config and flash it (tcxo-flash), or set link.url to another board"
            )
    for channel in board.channels:
        rate_hz = channel.rate_mhz / 1000
        if channel.role == Role.HOST_PWM and pwm.mode != "off" and rate_hz != pwm.rate_hz:
            found.append(
                f"board {board.board} expects {rate_hz:g} Hz on its host_pwm pin {channel.pin}, but pwm.rate_hz is"
                f" {pwm.rate_hz}: set pwm.rate_hz = {rate_hz:g}, or change the board_config and flash it"
            )
    return found
