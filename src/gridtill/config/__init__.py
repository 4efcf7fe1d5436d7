"""Settings, URLs and entry points: the only package that knows every other."""
