"""The PWM when the daemon starts: set up where permitted, else verified, refused where it misleads."""

from __future__ import annotations

import logging

from ...config.settings import PwmConfig
from ...errors import PermissionRefused, TcxoError, UnavailableError
from ..models import PiModel, identify_model
from ..root import Root
from . import header as pwm
from .watch import PwmWatch

__all__ = ["ready_pwm"]

log = logging.getLogger("tcxo_host")


def ready_pwm(root: Root, config: PwmConfig, *, measure_only: bool) -> PwmWatch | None:
    """Do what ``config.mode`` says and log the outcome in one line.

    Returns the watch that checks the PWM from now on; None where the PWM is left alone.

    ``auto`` treats everything but a misleading crystal as a warning: the edges themselves will tell.
    Raises UnavailableError on a Pi whose PWM is not on the system clock's crystal (unless
    ``measure_only``), and with mode ``setup`` whatever keeps the PWM from being set up.
    """
    if config.mode == "off":
        return None
    try:
        model = identify_model(root)
    except UnavailableError:
        if config.mode != "auto":
            raise
        log.debug("not a Raspberry Pi: the PWM is left alone")
        return None
    pwm.refuse_foreign_crystal(model, measure_only)
    watch = PwmWatch(root, model, config.gpio, config.rate_hz)
    try:
        report = _prepared_or_seen(root, config, model, measure_only)
    except TcxoError as error:
        if config.mode == "setup":
            raise
        log.warning("PWM: %s", error)
        return watch
    if model.shared_crystal:
        watch.bias_ppm = report.timing.bias_ppm
    if report.problem:
        log.warning("PWM: %s", report.advice)
    else:
        done = "set up" if report.changed else "found as wanted"
        log.info("PWM: %d Hz on GPIO%d, %s", config.rate_hz, config.gpio, done)
    return watch


def _prepared_or_seen(root: Root, config: PwmConfig, model: PiModel, measure_only: bool) -> pwm.PwmReport:
    if config.mode != "verify":
        try:
            return pwm.prepare(root, config.rate_hz, config.gpio, measure_only=measure_only, model=model)
        except PermissionRefused:
            if config.mode == "setup":
                raise
    return pwm.look(root, config.rate_hz, config.gpio, model)
