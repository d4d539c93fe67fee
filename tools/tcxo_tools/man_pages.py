"""The manual pages in host/man/, from the parsers, the settings and PROTOCOL.md.

``python -m tcxo_tools.man_pages`` renews them, ``--check`` only compares. How argparse words an option changes
with Python's version, so the tests compare what the pages say, not how.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from argparse_manpage.manpage import Manpage
from tcxo_host.config.settings import Config
from tcxo_host.config.text import told_of

from .commands import PARSERS, subcommands
from .generated import renew_files

__all__ = ["FOLDER", "main", "pages"]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "host" / "man"
_PROTOCOL = ROOT / "protocol" / "PROTOCOL.md"
_SEE_ALSO = (
    *("tcxo-host(1)", "tcxo-dump(1)", "tcxo-flash(1)", "tcxo-host.toml(5)", "tcxo-capture(5)"),
    *("chronyd(8)", "chrony.conf(5)", "chronyc(1)"),
)


def pages() -> dict[str, str]:
    """File name to roff text, of every page."""
    commands = {f"{name}.1": _command_page(name, build()) for name, build in PARSERS.items()}
    return {**commands, "tcxo-host.toml.5": _settings_page(), "tcxo-capture.5": _capture_page()}


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite or check the pages."""
    return renew_files(argv, "python -m tcxo_tools.man_pages", "Renew the manual pages.", FOLDER, pages())


def _command_page(name: str, parser: argparse.ArgumentParser) -> str:
    blocks = [_head(name, "1", parser.description or ""), *_parser_blocks(parser, ".SH")]
    for sub in subcommands(parser):
        blocks += [f".SH {escaped(sub.prog.upper())}", *_parser_blocks(sub, ".SS")]
    return _joined([*blocks, _see_also(f"{name}(1)")])


def _parser_blocks(parser: argparse.ArgumentParser, heading: str) -> Iterator[str]:
    """The library's sections of one parser, under headings of this level; the examples as they stand."""
    text = str(Manpage(parser, {"date": "-", "project_name": "tcxo-host"}))
    text = text[text.index(".SH SYNOPSIS") :].partition(".SH COMMENTS")[0]
    # the library parts a heading from its word for groups without options, and lists subcommands as options
    text = re.sub(r"\.SH\nPOSITIONAL ARGUMENTS\n", ".SH ARGUMENTS\n", text)
    text = re.sub(r"\.SH COMMAND.*", "", text, flags=re.DOTALL)
    yield text.replace(".SH ", f"{heading} ").replace("\n\n", "\n").rstrip()
    if parser.epilog:
        told = escaped(parser.epilog.strip())
        yield f"{heading} NOTES\n.nf\n{told}\n.fi"


def _settings_page() -> str:
    blocks = [
        _head("tcxo-host.toml", "5", "settings of the daemon tcxo-host"),
        ".SH DESCRIPTION\nA TOML file. \\fBtcxo\\-host run \\-\\-config\\fR reads it; without one every setting has"
        " the default given here. An unknown name or a value out of its range ends the daemon with status 78.\n"
        ".PP\n\\fBtcxo\\-host run \\-\\-print\\-config\\fR prints such a file, whole and with comments.",
    ]
    config = Config()
    for each in dataclasses.fields(config):
        section = getattr(config, each.name)
        blocks.append(f".SH [{each.name}]\n{escaped((section.__doc__ or '').splitlines()[0])}")
        for setting in dataclasses.fields(section):
            default = json.dumps(getattr(section, setting.name), ensure_ascii=False)
            told = escaped(told_of(setting))
            blocks.append(f".TP\n\\fB{escaped(setting.name)}\\fR = {escaped(default)}\n{told}")
    files = ".SH FILES\n.I /etc/tcxo\\-host.toml\n.PP\nwhat \\fBtcxo\\-host install\\fR writes"
    return _joined([*blocks, files, _see_also("tcxo-host.toml(5)")])


def _capture_page() -> str:
    text = _PROTOCOL.read_text(encoding="utf8")
    section = re.search(r"^## Capture files\n(.*?)(?=^## |\Z)", text, flags=re.DOTALL | re.MULTILINE)
    assert section, "PROTOCOL.md has no section 'Capture files'"
    body = re.sub(r"<!--.*?-->\n", "", section[1])
    blocks = [_table(block) if block.startswith("|") else _paragraph(block) for block in body.split("\n\n")]
    head = _head("tcxo-capture", "5", "captures: what a TCXO board sent, with the host's times")
    return "'\\\" t\n" + _joined(
        [head, ".SH DESCRIPTION", *filter(None, blocks), _see_also("tcxo-capture(5)")]
    )


def _head(name: str, section: str, summary: str) -> str:
    short = summary[:1].lower() + summary[1:].rstrip(".")
    title = f'.TH {escaped(name).upper()} "{section}" "" "tcxo\\-host {version("tcxo-host")}" "tcxo\\-host"'
    return f"{title}\n.SH NAME\n{escaped(name)} \\- {escaped(short)}"


def _see_also(itself: str) -> str:
    others = [each for each in _SEE_ALSO if each != itself]
    return ".SH SEE ALSO\n" + ",\n".join(
        rf".BR {escaped(name)} ({section[:-1]}" for name, section in _split(others)
    )


def _split(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for each in names:
        name, _, section = each.partition("(")
        yield name, section


def _paragraph(block: str) -> str:
    told = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", escaped(block.strip()))
    return f".PP\n{told}" if told else ""


def _table(block: str) -> str:
    """A Markdown table as one of tbl's."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines()]
    head, *content = [row for row in rows if not set("".join(row)) <= set("- ")]
    lines = ["\t".join(row) for row in (head, *content)]
    form = f"{' '.join('lb' for _ in head)}\n{' '.join('l' for _ in head)}."
    return ".PP\n.TS\n" + form + "\n" + escaped("\n".join(lines)).replace("`", "") + "\n.TE"


def escaped(text: str) -> str:
    """``text`` as roff shows it."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def _joined(blocks: Sequence[str]) -> str:
    return "\n".join(blocks) + "\n"


if __name__ == "__main__":
    sys.exit(main())
