"""The commands' parsers, for what is made from them: manual pages and completions."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from tcxo_host.cli.main import build_parser as host_parser
from tcxo_host.dump.main import build_parser as dump_parser
from tcxo_host.flash.main import build_parser as flash_parser

__all__ = ["PARSERS", "subcommands"]

PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "tcxo-host": host_parser,
    "tcxo-dump": dump_parser,
    "tcxo-flash": flash_parser,
}


def subcommands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every parser below ``parser``, in the order of its help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield each
                yield from subcommands(each)
