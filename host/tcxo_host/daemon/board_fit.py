"""Whether the board at the other end has what is needed. Pure."""

from __future__ import annotations

from tcxo_protocol.records import Identify
from tcxo_protocol.spec import Role, role_name

__all__ = ["misfits"]


def misfits(board: Identify) -> list[str]:
    """Why this board cannot be used: one sentence for each reason, with its remedy."""
    found = []
    for role in (Role.GPS_PPS, Role.HOST_PWM):
        if not any(channel.role == role for channel in board.channels):
            found.append(
                f"board {board.board} has no {role_name(role)} channel, and nothing can be published without it:"
                " give it one in its board_config and flash it (tcxo-flash), or set link.url to another board"
            )
    return found
