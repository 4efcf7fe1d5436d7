"""The page after signing in: figures, charts, alerts and notices of one's own area."""
