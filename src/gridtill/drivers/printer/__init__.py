"""Receipt printers: the bytes that they understand, and the way to bring bytes to them."""
