"""The rules of the house: frozen dataclasses and pure functions. No I/O, no clock, no framework, no third party."""
