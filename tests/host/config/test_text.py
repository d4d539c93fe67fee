"""Settings written for people are the settings read back."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcxo_host.cli.main import main
from tcxo_host.config.load import load_config
from tcxo_host.config.settings import Config, LinkConfig, OutputConfig
from tcxo_host.config.text import config_text

SHOWN = Path(__file__).parents[3] / "host" / "tcxo-host.toml"


def test_the_file_in_the_repository_shows_the_defaults(capsys):
    assert main(["run", "--print-config"]) == 0
    assert capsys.readouterr().out == SHOWN.read_text(), (
        "run tcxo-host run --print-config > host/tcxo-host.toml"
    )
    assert load_config(SHOWN) == Config()


def test_options_show_in_what_is_printed(capsys):
    assert main(["run", "--link", "i2c:1:0x42", "--print-config"]) == 0
    assert 'url = "i2c:1:0x42"\n' in capsys.readouterr().out


@given(
    status=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])),
    silence_s=st.floats(1, 30),
    baseline=st.just("auto") | st.floats(-500, 500),
)
def test_any_settings_are_read_back_as_they_were(tmp_path_factory, status, silence_s, baseline):
    config = dataclasses.replace(
        Config(),
        link=LinkConfig(silence_s=silence_s),
        output=OutputConfig(status=status, baseline=baseline),
    )
    path = tmp_path_factory.mktemp("config") / "tcxo-host.toml"
    path.write_text(config_text(config), encoding="utf8")
    assert load_config(path) == config


@pytest.mark.parametrize("section", dataclasses.fields(Config), ids=lambda each: each.name)
def test_every_key_is_explained(section):
    for each in dataclasses.fields(section.default_factory):
        assert each.metadata["help"]
