"""The commands behind ``gridtill``: one module each, with a ``main(argv)`` that returns the exit code."""
