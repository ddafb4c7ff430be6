"""Fixtures for the whole repository: tests/support describes them."""

pytest_plugins = ['support.fixtures']
