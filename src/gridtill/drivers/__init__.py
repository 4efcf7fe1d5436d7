"""
Edges to hardware and providers: per kind one Protocol, and a folder for each implementation.

Drivers know no database and no Django; what they need is given to them when they are made.
"""
