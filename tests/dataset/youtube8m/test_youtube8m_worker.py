"""What yt-dlp's own words mean. The worker at work is tried in `test_youtube8m_run`."""

import pytest
import yt_dlp

from clipkind.dataset.youtube8m.worker import refusal


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("[youtube] abc: Video unavailable", "unavailable"),
        ("Video unavailable. This video is no longer available because the YouTube account "
         "associated with this video has been terminated.", "unavailable"),
        ("[youtube] abc: Private video. Sign in if you've been granted access", "unavailable"),
        ("This video has been removed by the uploader", "unavailable"),
        ("Sign in to confirm your age. This video may be inappropriate", "unavailable"),
        ("The uploader has not made this video available in your country", "unavailable"),
        ("Video unavailable. This content isn't available, try again later. The current session "
         "has been rate-limited by YouTube for up to an hour.", "failed"),
        ("Sign in to confirm you’re not a bot. Use --cookies", "failed"),
        ("unable to download video data: HTTP Error 403: Forbidden", "failed"),
        ("Unable to download webpage: timed out", "failed"),
        ("Unable to download webpage: HTTP Error 503: Service Unavailable", "failed"),
        ("[youtube] abc: Requested format is not available. Use --list-formats", "failed"),
    ],
)  # fmt: skip
def test_videos_that_are_gone_are_told_from_trouble_that_passes(message: str, status: str) -> None:
    refused = refusal(
        yt_dlp.utils.DownloadError(f"ERROR: {message}; please report this issue on x")
    )
    assert refused.status == status
    assert refused.reason
    assert "ERROR" not in refused.reason
    assert "please report" not in refused.reason
