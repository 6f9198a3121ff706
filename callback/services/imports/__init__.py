"""Case files come in: read → normalise → write in chunks, each chunk one transaction."""
