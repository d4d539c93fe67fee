"""``python -m tcxo_host`` is ``tcxo-host``."""

import sys

from .cli.main import main

sys.exit(main())
