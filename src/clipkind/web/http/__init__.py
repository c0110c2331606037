"""What stands between clients and views: waitress, checks, limits, errors, health."""
