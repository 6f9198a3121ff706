"""Tables, queries and claims."""
