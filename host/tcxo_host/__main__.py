"""``python -m tcxo_host`` is ``tcxo-host``."""

import sys

from .cli import main

sys.exit(main())
