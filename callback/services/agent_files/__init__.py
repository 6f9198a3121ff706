"""A file of agents comes in: read cell by cell, compared with who is here, shown, and written whole or not at all."""
