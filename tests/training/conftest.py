"""Prepared sound stays out of the user's cache."""

from tests.bundles import _own_cache  # noqa: F401  # a fixture for every test of this folder
