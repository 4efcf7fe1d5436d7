"""A virtual keypad meter: takes twenty digits, switches its relay, uses up its credit, keeps its state in a file."""
