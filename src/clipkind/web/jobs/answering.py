"""A worker's part in a job: from the video to the answer, told in steps."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipkind.errors import ClipkindError, VideoError
from clipkind.model.bundle import load_bundle
from clipkind.video.isolation import End, Message, Pictures, Start
from clipkind.web.jobs.failures import Failure
from clipkind.web.jobs.job import Job, Step
from clipkind.web.jobs.leftovers import drop_cancelled
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from clipkind.web.models import Models
from clipkind.web.settings import Settings

if TYPE_CHECKING:
    from clipkind.inference.classifier import Classifier
    from clipkind.inference.prediction import Prediction
    from clipkind.video.picture import Picture
    from clipkind.web.library import Library

TELL_S = 0.1
"""Seconds between two words on how far a job is; clients look no more often."""
LOOK_S = 0.25
"""Seconds between two looks whether a job under way is still wanted."""
SIDE = 256
"""Pixels of the pictures kept."""


class _Unwanted(Exception):
    """A job was cancelled while it was under way."""


class _Unanswerable(Exception):
    """Why a job has no answer; to be told to its client."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Answerer:
    """Answers jobs, one at a time, with each model loaded once, when it is first asked for."""

    def __init__(self, settings: Settings, store: JobStore, spool: Spool) -> None:
        self._settings, self._store, self._spool = settings, store, spool
        self._models = Models(settings.models)
        self._classifiers: dict[Path, Classifier] = {}
        self._library: Library | None = None
        self._turn = threading.Lock()
        self._current: tuple[Job, Classifier] | None = None
        self._closing = threading.Event()

    @property
    def closing(self) -> bool:
        """Whether `close` was called: no further job may begin."""
        return self._closing.is_set()

    def start(self) -> None:
        """Load the first model and start its decoding process."""
        self._classifier(self._models.default).start()

    def close(self) -> None:
        """End the decoding processes, of a video under way too. From any thread.

        The job under way is left as it is: whoever started this process puts it back.
        """
        self._closing.set()  # before its decoder dies, of which nothing may be told
        for classifier in list(self._classifiers.values()):
            classifier.interrupt()

    def answer(self, job: Job) -> None:
        """Do a claimed job and store what came of it."""
        try:
            result = self._result(job)
        except (_Unanswerable, VideoError) as error:
            if self.closing:
                return
            self._store.fail(job.id, error.reason, str(error))
        except _Unwanted:
            self._store.cancelled(job.id)
        else:
            self._store.finish(job.id, result)
        drop_cancelled(self._store, self._spool, [job.id])

    def watch_for_cancelling(self) -> None:
        """End jobs under way that nobody wants any more; runs in a thread for ever."""
        while True:
            time.sleep(LOOK_S)
            with self._turn:  # held: the next job must not begin before this one's decoder ends
                if self._current is not None:
                    job, classifier = self._current
                    if not self._store.wanted(job.id):
                        classifier.interrupt()

    def _result(self, job: Job) -> dict[str, Any]:
        path = self._path(job)
        try:
            choice = self._models.choice(job.model)
            self._models.check(job.model, job.tta, job.risk)
        except ClipkindError as error:
            raise _Unanswerable(Failure.MODEL_GONE, str(error)) from None
        classifier = self._usable(job.model)
        watching = _Watching(self._store, job)
        with self._turn:
            self._current = job, classifier
        try:
            prediction = classifier.classify(
                path,
                tta=job.tta,
                risk=job.risk,
                member=choice.member,
                explain=True,
                watch=watching,
            )
        finally:
            with self._turn:
                self._current = None
        return self._told(job, prediction, watching)

    def _told(self, job: Job, prediction: "Prediction", watching: "_Watching") -> dict[str, Any]:
        from clipkind.video.jpeg import jpegs

        pictures, frame_of = watching.pictures()
        try:
            self._spool.keep_frames(job.id, list(jpegs(pictures, width=SIDE, height=SIDE)))
        except OSError:  # a full disk must not take the answer away
            pictures, frame_of = [], []
        result = prediction.details()
        del result["path"]
        return {**result, "model": job.model, "frames": len(pictures), "frame_of": frame_of}

    def _path(self, job: Job) -> Path:
        if job.source == "dataset":
            try:
                path = None if job.video_id is None else self._videos().path(job.video_id)
            except ClipkindError:  # the whole data set is gone, or cannot be read
                path = None
            if path is None:
                message = "the data set no longer has this video; choose another"
                raise _Unanswerable(Failure.VIDEO_GONE, message)
            return path
        path = self._spool.video(job.id)
        if not path.is_file():
            message = "the video is no longer on the server; send it again"
            raise _Unanswerable(Failure.FILE_GONE, message)
        return path

    def _videos(self) -> "Library":
        if self._library is None:
            from clipkind.web.library import Library

            self._library = Library(self._settings.dataset)
        return self._library

    def _usable(self, name: str) -> "Classifier":
        """The model, looked at again before it is loaded: the server may run for long."""
        path = self._models.bundle(name).path
        if path not in self._classifiers:
            try:
                load_bundle(path)
            except ClipkindError:
                message = "the model can no longer be read on the server; choose another"
                raise _Unanswerable(Failure.MODEL_GONE, message) from None
        return self._classifier(name)

    def _classifier(self, name: str) -> "Classifier":
        from clipkind.inference.classifier import Classifier

        bundle = self._models.bundle(name)
        if bundle.path not in self._classifiers:
            timeout_s = self._settings.decode_timeout_s
            self._classifiers[bundle.path] = Classifier(bundle, timeout_s=timeout_s)
        return self._classifiers[bundle.path]


class _Watching:
    """Tells how decoding goes, and keeps the pictures."""

    def __init__(self, store: JobStore, job: Job) -> None:
        self._store, self._job = store, job
        self._told = 0.0
        self._total = 0
        self._positions: list[int] = []
        self._pictures: list[Picture] = []
        self._end: End | None = None

    def __call__(self, message: Message) -> None:
        """Raises _Unwanted where nobody wants the job any more."""
        match message:
            case Start():
                self._total = message.frames
                self._tell("decoding")
            case Pictures():
                self._positions.extend(message.positions)
                self._pictures.extend(message.new)
                if time.monotonic() - self._told >= TELL_S:
                    self._tell("decoding")
            case End():
                self._end = message
                self._tell("network")

    def pictures(self) -> "tuple[list[Picture], list[int]]":
        """The pictures of the base scale's times, each once; for every time, which it is."""
        assert self._end is not None  # noqa: S101 - there is an answer
        shown = [self._positions[place] for place in self._end.scales[0]]
        order = {picture: number for number, picture in enumerate(dict.fromkeys(shown))}
        return [self._pictures[picture] for picture in order], [order[k] for k in shown]

    def _tell(self, step: Step) -> None:
        self._told = time.monotonic()
        if not self._store.progress(self._job.id, step, len(self._positions), self._total):
            raise _Unwanted
