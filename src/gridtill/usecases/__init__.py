"""One module per process that spans apps; faces call these."""
