"""Jobs on disk, and the processes that answer them."""
