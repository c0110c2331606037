"""Labelled videos by a plan of YouTube-8M vocabulary names, downloaded with yt-dlp."""
