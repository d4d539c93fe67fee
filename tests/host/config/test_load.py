"""A wrong setting is one line that names file, key and what is allowed."""

import re
from pathlib import Path

import pytest
import tcxo_host
from tcxo_host.config.load import load_config, override
from tcxo_host.config.settings import Config
from tcxo_host.errors import ConfigError


def write(tmp_path, text):
    path = tmp_path / "tcxo-host.toml"
    path.write_text(text)
    return path


def test_an_empty_file_means_the_defaults(tmp_path):
    assert load_config(write(tmp_path, "")) == Config()


def test_values_are_taken(tmp_path):
    config = load_config(
        write(tmp_path, '[link]\nurl = "serial:/dev/ttyS0"\nsilence_s = 7\n[log]\nlevel = "debug"\n')
    )
    assert (config.link.url, config.link.silence_s, config.log.level) == ("serial:/dev/ttyS0", 7.0, "debug")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[lnk]\n", "unknown section [lnk]: allowed are link, output"),
        ("link = 3\n", "expected a section [link]"),
        ("[link]\nurk = 1\n", "link.urk: unknown key: allowed are url, baud"),
        ("[link]\nurl = 'foo:bar'\n", "[link] link 'foo:bar': expected serial:/dev/ttyACM0"),
        ("[link]\nurl = 'i2c:x'\n", "[link]"),
        ("[link]\nbaud = 'fast'\n", "link.baud = 'fast': expected a whole number"),
        ("[link]\nbaud = true\n", "link.baud = True: expected a whole number"),
        ("[link]\nbaud = 5\n", "link.baud = 5: allowed is 1200 to 4e+06"),
        ("[estimator]\nname = 'best'\n", "estimator.name = 'best': allowed are"),
        ("[output]\nmax_step_ppm = nan\n", "max_step_ppm = nan: allowed is"),
        ("[link\n", "not valid TOML"),
        ("x = " + "[" * 100_000, "not valid TOML"),
        ("[output]\nbaseline = " + "9" * 5000, "not valid TOML"),
        ("[output]\nbaseline = " + "9" * 400, "output.baseline: the number is too large"),
        ("[link]\nbaud = 0x" + "f" * 5000, "link.baud: the number is too large"),
        ('[output]\npath = "a\\u0000b"\n', "has a control character"),
        ("#" * 2_000_000, "has more than 1048576 bytes"),
        ("\0", "not valid TOML"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, says):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert says in message
    assert "\n" not in message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "no.toml")


def test_the_command_line_overrides_and_is_checked_alike():
    assert override(Config(), "link", url="serial:/dev/x", baud=None).link.url == "serial:/dev/x"
    with pytest.raises(ConfigError, match=r"command line: link.baud = 1: allowed is"):
        override(Config(), "link", baud=1)


def test_a_silent_board_is_a_hold_before_the_services_watchdog_bites():
    """A hold feeds the watchdog, but is told only once the board counts as silent."""
    unit = (Path(tcxo_host.__file__).parent / "pi/install/templates/tcxo-host.service").read_text()
    watchdog_s = float(re.search(r"^WatchdogSec=(\d+)$", unit, re.MULTILINE)[1])
    override(Config(), "link", silence_s=watchdog_s / 2)
    with pytest.raises(ConfigError, match=r"silence_s"):
        override(Config(), "link", silence_s=watchdog_s / 2 + 1)
