"""Jobs that are over, put into a store as a worker does, with results that tests choose."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from clipkind.web.jobs.job import Job, NewJob
from clipkind.web.services import Services

MODEL = "made-up"
CLASSES = ("Animation", "Flat_Content", "Gaming", "Natural_Content")
STEPS = 8
DURATION_S = 8.0


def result(shares: Sequence[float] = (0.1, 0.02, 0.83, 0.05), **other: Any) -> dict[str, Any]:
    """A result as workers store it; `other` takes the place of fields."""
    probabilities = dict(zip(CLASSES, shares, strict=True))
    best = max(probabilities, key=lambda name: probabilities[name])
    found: dict[str, Any] = {
        "status": "ok",
        "label": best,
        "labels": [best],
        "decision": "single",
        "confidence": probabilities[best],
        "calibrated": True,
        "probabilities": probabilities,
        "strangeness": 0.4,
        "duration_s": DURATION_S,
        "frames_used": STEPS,
        "elapsed_s": 0.7,
        "model": MODEL,
        "reason": None,
        "message": "",
        "members": [probabilities],
        "times_s": [DURATION_S * (k + 0.5) / STEPS for k in range(STEPS)],
        "attention": [1 / STEPS] * STEPS,
        "frames": STEPS,
        "frame_of": list(range(STEPS)),
    }
    return json.loads(json.dumps(found | other))  # type: ignore[no-any-return]


def put(known: Services, outcome: Mapping[str, Any] | str | None = None, **about: Any) -> Job:
    """A job with this result; failed with this reason; or, with None, one that waits."""
    id = known.spool.new_id()
    asked: dict[str, Any] = {"source": "upload", "name": "clip.mp4", "model": MODEL} | about
    new = NewJob(id=id, **asked)
    known.store.add(new, 1000)
    if outcome is not None:
        claimed = known.store.claim("a worker", links=new.source == "link")
        assert claimed is not None
        assert claimed.id == id
        if isinstance(outcome, str):
            known.store.fail(id, outcome, "what the decoder said")
        else:
            known.store.finish(id, dict(outcome))
    found = known.store.get(id)
    assert found is not None
    return found
