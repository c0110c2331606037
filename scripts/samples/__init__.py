"""The makers behind `scripts/make_samples.py`: wheels, games played by bots, drawings."""
