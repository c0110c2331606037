"""From files or features to answers."""
