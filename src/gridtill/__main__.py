"""`python -m gridtill` is the `gridtill` command."""

import sys

from gridtill.ops.cli import main

sys.exit(main())
