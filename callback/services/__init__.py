"""Use cases: read rows, ask the domain, apply the decision.

A service joins the caller's transaction and never commits.
"""
