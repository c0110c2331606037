"""From a file to frames: probe, sampling plan, decoding, isolation."""
