"""The web app: a Flask server in front of worker processes, joined by a job store on disk."""
