"""Virtual cards: they answer APDUs as the real ones do, and can be pulled out at any byte."""
