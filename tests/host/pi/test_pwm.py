"""The PWM from every starting state to 50 Hz, on trees that answer as the kernel does."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from support import pi_trees as trees
from support.fake_pwm import FakePwmTree
from tcxo_host.cli.machine import pwm as command
from tcxo_host.errors import DataError, PermissionRefused, UnavailableError, UsageError
from tcxo_host.pi.models import MODELS, identify_model
from tcxo_host.pi.pwm import header as pwm
from tcxo_host.pi.root import Root

WANTED = {"period": 20_000_000, "duty_cycle": 10_000_000, "enable": 1, "polarity": "normal"}


@pytest.fixture
def pi3(tmp_path: Path) -> FakePwmTree:
    """A Pi 3 with the overlay, nothing exported."""
    tree = trees.PI3 | trees.pwm_chip(trees.PWM_BY_SOC["bcm2837"]) | trees.pwm_clock(1_200_000)
    return FakePwmTree(trees.write_tree(tmp_path, tree))


def set_up(root: Root, rate_hz: int = 50, gpio: int = 12, **options: bool) -> pwm.PwmReport:
    return pwm.prepare(root, rate_hz, gpio, pause=lambda _: None, **options)


STARTS = {
    "nothing exported": {"exported": False},
    "exported, never set": {},
    "left over, disabled": {"period": 20_000_000, "duty_cycle": 10_000_000},
    "wrong period": {"period": 1_000_000, "duty_cycle": 500_000},
    "longer period with a duty beyond ours": {"period": 100_000_000, "duty_cycle": 90_000_000},
    "enabled at another rate": {"period": 1_000_000, "duty_cycle": 250_000, "enable": 1},
    "enabled at a slower rate": {"period": 1_000_000_000, "duty_cycle": 500_000_000, "enable": 1},
    "enabled, wrong duty": {"period": 20_000_000, "duty_cycle": 1_000, "enable": 1},
    "inverted": {"period": 20_000_000, "duty_cycle": 10_000_000, "enable": 1, "polarity": "inversed"},
    "kept by the kernel over an unexport": {"exported": False, "period": 5_000_000, "enable": 1},
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_setup_ends_at_50_hz_from_every_state_and_then_leaves_it_alone(pi3: FakePwmTree, start) -> None:
    pi3.start_with(0, **start)
    report = set_up(pi3)
    assert report.changed
    assert report.right
    assert vars(pi3.channels[0]) == WANTED
    pi3.log.clear()
    assert not set_up(pi3).changed
    assert pi3.log == []


def test_the_order_of_writes_is_the_one_the_kernel_takes(pi3: FakePwmTree) -> None:
    set_up(pi3)
    names = [name for name, _ in pi3.log]
    assert names == ["export", "pwm0/period", "pwm0/duty_cycle", "pwm0/enable"]


def test_udev_still_setting_the_group_is_waited_for(pi3: FakePwmTree) -> None:
    pi3.denied_writes = 5
    assert set_up(pi3).right


def test_a_user_without_rights_gets_one_sentence(pi3: FakePwmTree) -> None:
    pi3.always_denied = True
    with pytest.raises(PermissionRefused, match="export may not be written by this user: run it with sudo"):
        set_up(pi3)


def test_a_channel_that_the_kernel_itself_uses_is_reported(pi3: FakePwmTree) -> None:
    pi3.owned.add(0)
    with pytest.raises(UnavailableError, match="in use by a kernel driver"):
        set_up(pi3)


def test_a_program_that_fights_for_the_channel_is_reported(pi3: FakePwmTree) -> None:
    real_write = pi3.write

    def contested(path: str, text: str) -> None:
        real_write(path, text)
        if path.endswith("enable"):
            pi3.start_with(0, period=1_000_000, duty_cycle=100, enable=1)

    pi3.write = contested  # type: ignore[method-assign]
    with pytest.raises(DataError, match="another program is changing it"):
        set_up(pi3)


def test_an_impossible_state_is_one_sentence(pi3: FakePwmTree) -> None:
    pi3.start_with(0)
    (pi3.chip / "pwm0" / "period").write_text("garbage\n")
    with pytest.raises(DataError, match="pwm0/period reads 'garbage' where a number belongs"):
        set_up(pi3)


def test_polarity_on_a_driver_that_changes_it_only_while_disabled(pi3: FakePwmTree) -> None:
    pi3.polarity_needs_disabled = True
    pi3.start_with(0, period=20_000_000, duty_cycle=10_000_000, enable=1, polarity="inversed")
    assert set_up(pi3).right
    assert vars(pi3.channels[0]) == WANTED


def test_off_disables_and_releases(pi3: FakePwmTree) -> None:
    set_up(pi3)
    _, was_on = pwm.switch_off(pi3)
    assert was_on
    assert pi3.channels[0].enable == 0
    assert not pi3.exists("/sys/class/pwm/pwmchip0/pwm0")
    assert pwm.switch_off(pi3)[1] is False


def test_gpio_13_is_channel_1(pi3: FakePwmTree) -> None:
    assert set_up(pi3, gpio=13).right
    assert vars(pi3.channels[1]) == WANTED
    assert pi3.channels[0].enable == 0


@pytest.mark.parametrize("rate_hz", [0, -5, 1001])
def test_impossible_rates(pi3: FakePwmTree, rate_hz: int) -> None:
    with pytest.raises(UsageError, match="use 1 to 1000 Hz"):
        set_up(pi3, rate_hz)
    assert pi3.log == []


def test_a_gpio_without_pwm(pi3: FakePwmTree) -> None:
    with pytest.raises(UsageError, match="use one of 12, 13, 18, 19"):
        set_up(pi3, gpio=4)


def test_without_the_overlay_the_line_to_add_is_named(tmp_path: Path) -> None:
    root = Root(trees.write_tree(tmp_path, trees.PI3))
    with pytest.raises(UnavailableError, match="dtoverlay=pwm,pin=12,func=4,clock=1200000") as caught:
        set_up(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [0, 2])
def test_pi_5_refuses_and_explains_whatever_number_its_chip_has(tmp_path: Path, number: int) -> None:
    root = FakePwmTree(trees.write_tree(tmp_path, trees.PI5 | trees.rp1_pwm(number)), f"pwmchip{number}")
    with pytest.raises(UnavailableError, match="RP1 chip's own 50 MHz crystal"):
        set_up(root)
    assert root.log == []
    report = set_up(root, gpio=18, measure_only=True)
    assert (report.chip, report.pin.channel) == (f"/sys/class/pwm/pwmchip{number}", 2)
    assert vars(root.channels[2]) == WANTED


@pytest.mark.parametrize(
    ("tree", "key"),
    [
        (trees.PI_ZERO, "pi1"),
        (trees.PI2, "pi2"),
        (trees.PI3, "pi3"),
        (trees.PI4, "pi4"),
        (trees.CM4, "pi4"),
        (trees.PI5, "pi5"),
        (trees.machine("Raspberry Pi 5 Lite", "raspberrypi,5-lite brcm,bcm2712", "7.0"), "pi5"),
        (trees.machine("Raspberry Pi Model B Rev 2", "raspberrypi,model-b brcm,bcm2835", "6.1"), "pi1-26pin"),
    ],
)
def test_models_are_told_apart(tmp_path: Path, tree: trees.Tree, key: str) -> None:
    assert identify_model(Root(trees.write_tree(tmp_path, tree))).key == key


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"/etc/hostname": "pc\n"}, "not a Raspberry Pi"),
        (
            trees.machine("Radxa ROCK 5B", "radxa,rock-5b rockchip,rk3588", "6.1"),
            "unknown model 'Radxa ROCK 5B'",
        ),
        (trees.machine("Raspberry Pi 9", "raspberrypi,9 brcm,bcm9999", "9.1"), "unknown model"),
    ],
)
def test_other_machines_get_one_sentence(tmp_path: Path, tree: trees.Tree, words: str) -> None:
    with pytest.raises(UnavailableError, match=words) as caught:
        identify_model(Root(trees.write_tree(tmp_path, tree)))
    assert "\n" not in str(caught.value)


def test_every_model_has_a_distinct_key_and_compatible_strings() -> None:
    assert len({model.key for model in MODELS}) == len(MODELS)
    strings = [string for model in MODELS for string in model.compatible]
    assert len(set(strings)) == len(strings)


def run_command(root: Root, *argv: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return command.run(parser.parse_args(["pwm", *argv]), root)


def test_help_has_an_example_of_each_action(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser(prog="tcxo-host")
    command.add_parser(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(["pwm", "off", "--help"])
    examples = capsys.readouterr().out.partition("example:\n")[2].splitlines()
    words = [line.split("  ")[1].removeprefix("sudo ").split() for line in examples]
    assert {parser.parse_args(each[1:]).action for each in words} == {"show", "setup", "off"}


def test_show_before_and_after_setup(pi3: FakePwmTree, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(pi3, "show") == 1
    assert "run 'sudo tcxo-host pwm setup'" in capsys.readouterr().out
    assert run_command(pi3, "setup", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["right"], told["changed"], told["exact"], told["bias_ppm"]) == (True, True, True, 0.0)
    assert run_command(pi3, "show") == 0
    text = capsys.readouterr().out
    assert "1200000 Hz from xosc / 16: exact, bias +0.0000 ppm" in text
    assert "50 Hz is on the pin" in text
    assert run_command(pi3, "off") == 0
    assert "off and released" in capsys.readouterr().out


def test_show_tells_an_inexact_overlay_clock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = trees.PI3 | trees.pwm_clock(19_200_000)
    tree |= trees.pwm_chip(trees.PWM_BY_SOC["bcm2837"], channels={0: trees.SQUARE_50_HZ})
    assert run_command(Root(trees.write_tree(tmp_path, tree)), "show") == 0
    text = capsys.readouterr().out
    assert "not exact, bias +1.0417 ppm, jitter 2.0 ns" in text
    assert "exact with 'dtoverlay=pwm,pin=12,func=4,clock=1200000' in config.txt" in text


def test_links_with_absolute_targets_stay_inside_the_tree(tmp_path: Path) -> None:
    tree: trees.Tree = {"/etc/real": "inside", "/etc/alias": trees.Link("/etc/real"), "/x": trees.Link("/x")}
    root = Root(trees.write_tree(tmp_path, tree))
    assert root.read("/etc/alias") == "inside"
    assert root.read("/x") is None
    assert root.read("/../../etc/alias") == "inside"
