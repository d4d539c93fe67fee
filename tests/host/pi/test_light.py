"""The PWM set-up runs at boot, on a Pi Zero too: it must not drag the estimator's libraries in."""

from __future__ import annotations

import subprocess
import sys


def test_setting_up_the_pwm_imports_no_heavy_library() -> None:
    code = (
        "import sys; import tcxo_host.config.settings, tcxo_host.cli.machine.pwm, tcxo_host.pi.pwm.header;"
        "print([name for name in ('numpy', 'construct', 'serial', 'smbus2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
