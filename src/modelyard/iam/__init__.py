"""Identity: tokens, passwords, signatures and the Keystone shape. Pure parts over values; nothing here knows the
database or HTTP."""
