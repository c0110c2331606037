"""From features to a trained network; import from the submodules (most need torch)."""
