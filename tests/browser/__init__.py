"""The journeys as people go them: a real browser, server, mail server, QR decoder and code generator."""
