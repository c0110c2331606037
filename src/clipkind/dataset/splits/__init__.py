"""Division into train, val and test that no footage crosses, with a certificate."""
