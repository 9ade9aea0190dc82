"""Timings, taken by ``make bench``; never part of the tests."""
