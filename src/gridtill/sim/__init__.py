"""
Simulators that stand where real equipment would: a keypad meter, a security module.

They need no server and no database, only pure packages and drivers, so that training rooms
and tests start them alone. Nothing that sells depends on them; the demonstration's pages do.
"""
