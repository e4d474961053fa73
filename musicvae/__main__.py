"""``python -m musicvae`` is the ``musicvae`` command."""

from __future__ import annotations

import sys

from musicvae.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
