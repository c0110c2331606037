"""The process that writes the disturbed copies of one video, started by `measure`.

    python -m clipkind.evaluation.robustness.worker SOURCE FOLDER TIMEOUT_S NAME…

It writes 0.mp4, 1.mp4 … in the order of the names. Status 1: the video was refused, and stdout
holds a JSON object with `reason` and `message`.
"""

import json
import sys
from pathlib import Path

import av.logging

from clipkind.errors import VideoError
from clipkind.evaluation.robustness.copies import write_copies
from clipkind.evaluation.robustness.disturbances import DISTURBANCES
from clipkind.video.worker import alarm


def main() -> int:
    """Write the copies that the arguments ask for."""
    source, folder, timeout_s, *names = sys.argv[1:]
    av.logging.set_libav_level(av.logging.PANIC)
    alarm(2 * float(timeout_s))  # should the parent have died
    by_name = {disturbance.name: disturbance for disturbance in DISTURBANCES}
    try:
        write_copies(Path(source), [by_name[name] for name in names], Path(folder))
    except VideoError as error:
        print(json.dumps({"reason": error.reason, "message": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
