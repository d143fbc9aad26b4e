"""The benchmark of the auto-encoder family: grid, runner, statistics, tables and report."""
