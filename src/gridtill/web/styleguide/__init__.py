"""A page that shows every component, to look at and to copy from."""
