"""The embedded stack of `make run` and of the tests: PostgreSQL, broker, DNS server and mail sink on loopback."""
