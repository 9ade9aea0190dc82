"""Layers worth a page of their own."""
