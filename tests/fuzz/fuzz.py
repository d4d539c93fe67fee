"""``python tests/fuzz/fuzz.py TARGET [libFuzzer options] [corpus...]``: new inputs, guided by coverage.

Needs the extra ``fuzz``. A fault leaves its input as ``crash-...`` in the folder of ``-artifact_prefix=``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
with atheris.instrument_imports(include=["tcxo_host", "tcxo_protocol", "fuzz", "json", "tomllib"]):
    from fuzz.targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
