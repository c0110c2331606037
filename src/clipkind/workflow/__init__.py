"""Whole jobs made of the rooms below: a trained model from features, or from a folder of videos."""
