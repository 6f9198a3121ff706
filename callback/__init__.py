"""Callback: the customer-service scheduler that keeps the promise to call back."""

__version__ = "0.1.0"
