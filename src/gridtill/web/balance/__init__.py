"""The daily balance and the closing of days."""
