"""Metrics with bootstrap intervals, the linear probe, protocols, the results store."""
