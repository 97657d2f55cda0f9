"""Start AVVP Studio from a source tree: `python main.py [PROJECT]`."""

from __future__ import annotations

import sys

from avvp_studio.app import main

if __name__ == "__main__":
    sys.exit(main())
