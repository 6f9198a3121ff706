"""What a centre sets up by itself: every change is checked, becomes a version, and can be taken back.

`record` is what the services of the nouns call when they change something; `undo` brings an earlier version back
through those same services, so nothing returns that would not be accepted today.
"""
