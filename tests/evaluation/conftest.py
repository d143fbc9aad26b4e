"""Every test of this folder runs with a cache of its own and leaves the process as it was."""

from tests.bundles import own_process  # noqa: F401  # a fixture
from tests.evaluation.report_pages import content, copy, folder, page, small  # noqa: F401  # fixtures
