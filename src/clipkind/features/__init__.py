"""From frames to feature sequences, and the files that hold them."""
