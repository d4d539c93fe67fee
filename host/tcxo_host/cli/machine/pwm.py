"""``tcxo-host pwm``: show, set up or switch off the hardware PWM at the header."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...pi.pwm.header import PwmReport
    from ...pi.root import Root

__all__ = ["add_parser", "main", "run"]

_EPILOG = """example:
  tcxo-host pwm show                what is on the pin; --json for programs
  sudo tcxo-host pwm setup          50 Hz on GPIO12 (header pin 32)
  sudo tcxo-host pwm setup --pin 18 --rate 100
  sudo tcxo-host pwm off            no signal on GPIO12, its channel released
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "pwm",
        help="the Pi's hardware PWM: show, setup, off",
        description="Shows, sets up or switches off the hardware PWM that lets the board measure the Pi.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=("show", "setup", "off"), nargs="?", default="show")
    parser.add_argument("--rate", type=int, metavar="HZ", help="edges a second (default 50)")
    parser.add_argument("--pin", type=int, metavar="GPIO", help="GPIO 12, 13, 18 or 19 (default 12)")
    parser.add_argument("--config", metavar="FILE", help="take rate and pin from this TOML file's [pwm]")
    parser.add_argument(
        "--measure-only",
        action="store_true",
        help="allow a PWM that is not on the system clock's crystal (Pi 5)",
    )
    parser.add_argument("--model", metavar="KEY", help="take this model instead of asking the device tree")
    parser.add_argument("--root", default="/", metavar="DIR", help="look at a copy of a machine's files")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run it on the tree that ``--root`` names."""
    from ...pi.root import Root

    return run(args, Root(args.root))


def run(args: argparse.Namespace, root: Root) -> int:
    """Do ``args.action`` on ``root``; 0, or 1 when ``show`` finds a PWM that is not as wanted."""
    from ...config.load import load_config, override
    from ...config.settings import Config
    from ...pi.models import model_by_key
    from ...pi.pwm import header as pwm

    config = load_config(root.path(args.config)) if args.config else Config()
    wanted = override(config, "pwm", rate_hz=args.rate, gpio=args.pin).pwm
    model = model_by_key(args.model) if args.model else None
    if args.action == "off":
        channel, was_on = pwm.switch_off(root, wanted.gpio, model)
        if args.json:
            print(json.dumps({"chip": channel.chip, "channel": channel.number, "changed": was_on}))
        else:
            print(f"{channel.directory}: {'off and released' if was_on else 'was not exported'}")
        return 0
    if args.action == "setup":
        report = pwm.prepare(root, wanted.rate_hz, wanted.gpio, measure_only=args.measure_only, model=model)
    else:
        report = pwm.look(root, wanted.rate_hz, wanted.gpio, model)
    sys.stdout.write(json.dumps(_as_json(report)) + "\n" if args.json else _as_text(report))
    return 0 if report.right else 1


def _as_json(report: PwmReport) -> dict[str, Any]:
    state, timing = report.state, report.timing
    return {
        "model": report.model.key,
        "gpio": report.pin.gpio,
        "header_pin": report.pin.header,
        "chip": report.chip,
        "channel": report.pin.channel,
        "rate_hz": report.rate_hz,
        "exported": bool(state and state.exported),
        "period_ns": state.period_ns if state else None,
        "duty_ns": state.duty_ns if state else None,
        "enabled": bool(state and state.enabled),
        "right": report.right,
        "changed": report.changed,
        "exact": timing.exact,
        "bias_ppm": round(timing.bias_ppm, 4),
        "jitter_ns": round(timing.jitter_ns, 2),
        "clock_parent": timing.parent,
        "clock_hz": float(timing.clock_hz),
        "measures_system_clock": report.model.shared_crystal,
        "problem": report.advice,
    }


def _as_text(report: PwmReport) -> str:
    model, timing, state = report.model, report.timing, report.state
    lines = [
        f"model     {model.title} ({model.crystal_hz / 1e6:g} MHz crystal)",
        f"pin       GPIO{report.pin.gpio}, header pin {report.pin.header}, PWM channel {report.pin.channel}",
        f"chip      {report.chip or 'not there'}",
    ]
    if state is not None and state.exported:
        on = "on" if state.enabled else "off"
        lines.append(
            f"state     {on}, period {state.period_ns} ns, duty {state.duty_ns} ns, {state.polarity}"
        )
    elif state is not None:
        lines.append("state     not exported")
    kind = "exact" if timing.exact else "not exact"
    lines.append(
        f"clock     {float(timing.clock_hz):.0f} Hz from {timing.parent} / {float(timing.divider):g}:"
        f" {kind}, bias {timing.bias_ppm:+.4f} ppm, jitter {timing.jitter_ns:.1f} ns"
    )
    if not timing.exact and model.shared_crystal:
        lines.append(f"          exact with {model.overlay_line(report.pin)!r} in config.txt")
    if not model.shared_crystal:
        lines.append("warning   this PWM runs from RP1's own crystal and does not measure the system clock")
    lines.append(
        f"problem   {report.advice}" if report.problem else f"result    {report.rate_hz} Hz is on the pin"
    )
    return "\n".join(lines) + "\n"
