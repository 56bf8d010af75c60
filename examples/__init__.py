"""Runnable stories: ``python -m examples.NAME --help``."""
