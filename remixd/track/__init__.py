"""Tracks on disk: package, rights, library, cache."""
