"""Figures from plain arrays; knows no method."""
