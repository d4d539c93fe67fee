"""Manual pages and completions say what the parsers take, no more and no less; every help shows an example."""

import re
import subprocess

import pytest
from tcxo_host.config.settings import Config
from tcxo_tools import completions, man_pages
from tcxo_tools.commands import PARSERS, subcommands

EVERY = [(name, each) for name, build in PARSERS.items() for each in (build(), *subcommands(build()))]
IDS = [parser.prog for _, parser in EVERY]
EVERYWHERE = {"-h", "--help", "--version"}  # in the synopsis; no line of their own


def options(parser):
    return {
        text for action in parser._actions for text in action.option_strings if action.help != "==SUPPRESS=="
    }


def section(name, parser):
    """What the page of command ``name`` says of one of its parsers, as plain text."""
    page = (man_pages.FOLDER / f"{name}.1").read_text().replace("\\-", "-")
    heads = [f".SH {each.prog.upper()}\n" for each in subcommands(PARSERS[name]())]
    parts = dict(
        zip([".TH", *heads], re.split("|".join(map(re.escape, heads)) or r"\Z(?!)", page), strict=True)
    )
    return parts[".TH" if parser.prog == name else f".SH {parser.prog.upper()}\n"]


@pytest.mark.parametrize(("name", "parser"), EVERY, ids=IDS)
def test_a_page_names_every_option_and_no_other(name, parser):
    text = section(name, parser).partition("NOTES")[0]
    named = set(re.findall(r"\\fB(--?[a-z][a-z0-9-]*)\\fR", text))
    assert named - EVERYWHERE == options(parser) - EVERYWHERE


@pytest.mark.parametrize(("name", "parser"), EVERY, ids=IDS)
def test_a_page_says_of_each_option_what_the_help_says(name, parser):
    text = " ".join(section(name, parser).replace("\\e", "\\").split())
    for action in parser._actions:
        if EVERYWHERE.isdisjoint(action.option_strings) and action.help and "%(" not in action.help:
            assert " ".join(action.help.split()).replace("%%", "%") in text


@pytest.mark.parametrize(("name", "parser"), EVERY, ids=IDS)
def test_every_help_shows_an_example(name, parser):
    assert re.search(rf"^example:\n  (sudo )?{name} ", parser.epilog, flags=re.MULTILINE)
    assert parser.epilog.strip() in section(name, parser).replace("\\e", "\\")


@pytest.mark.parametrize("file_name", sorted(completions.completions()))
def test_a_completion_is_what_the_parsers_give(file_name):
    kept = (completions.FOLDER / file_name).read_text()
    made = completions.completions()[file_name]
    assert sorted(set(re.findall(r"--?[a-z][a-z0-9-]+", kept))) == sorted(
        set(re.findall(r"--?[a-z][a-z0-9-]+", made))
    )


@pytest.mark.parametrize("name", PARSERS)
def test_bash_completes_commands_and_options(name):
    def completed(*words):
        script = (
            f"source {completions.FOLDER}/bash/{name}\n"
            f"COMP_WORDS=({' '.join(words)} ''); COMP_CWORD={len(words)}\n"
            f'COMP_WORDS[{len(words)}]="$LAST"\n'
            "$(complete -p " + name + " | sed 's/.*-F \\([^ ]*\\).*/\\1/') " + name + ' "$LAST" \n'
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        return script

    def reply(last, *words):
        done = subprocess.run(
            ["bash", "-c", completed(*words)],
            env={"LAST": last, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        return {line.strip() for line in done.stdout.splitlines()}

    parser = PARSERS[name]()
    assert options(parser) <= reply("-", name)
    for each in subcommands(parser):
        words = each.prog.split()
        assert options(each) <= reply("-", *words)


def test_the_settings_page_has_every_setting():
    page = (man_pages.FOLDER / "tcxo-host.toml.5").read_text().replace("\\-", "-")
    config = Config()
    for name in vars(config) if hasattr(config, "__dict__") else config.__dataclass_fields__:
        told = page.partition(f".SH [{name}]\n")[2].partition(".SH ")[0]
        named = re.findall(r"^\\fB([a-z_0-9]+)\\fR = ", told, flags=re.MULTILINE)
        assert named == list(getattr(config, name).__dataclass_fields__)


@pytest.mark.needs("man")
@pytest.mark.parametrize("path", sorted(man_pages.FOLDER.iterdir()), ids=lambda path: path.name)
def test_man_shows_it_without_a_warning(path):
    done = subprocess.run(
        ["man", "--warnings", "-l", str(path)],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MANWIDTH": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "SEE ALSO" in done.stdout
    name = path.name[:-2]
    assert re.search(rf"NAME\n +{re.escape(name)} +- ", done.stdout), "apropos finds it"
