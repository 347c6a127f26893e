"""Benchmarks: each compares with a yardstick in the same run. `make bench` prints a table, writes results.json."""
