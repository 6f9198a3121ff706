"""Imported, it registers every noun's commands."""

from callback.cli.nouns import register

register()
