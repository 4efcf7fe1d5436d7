"""The clerk's screens: views by menu area, and the shell around them."""
