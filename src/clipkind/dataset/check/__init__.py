"""Near-duplicates, label conflicts and shortcuts of a data set."""
