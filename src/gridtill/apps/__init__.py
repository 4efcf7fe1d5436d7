"""Django apps: data and rules, in the order that .importlinter keeps."""
