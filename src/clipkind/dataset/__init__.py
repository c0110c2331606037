"""Collections of labelled video: listings and manifests."""
