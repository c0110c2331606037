"""The classifier: a bundle's backbone and heads behind one path from file to answer."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy.typing as npt

from clipkind.contract import Contract, MultiScale
from clipkind.errors import ContractMismatch, FileFormatError, Reason, VideoError
from clipkind.features.documented import DocumentedFeatures, import_documented, is_documented
from clipkind.features.engines.openvino_engine import OpenVinoEngine
from clipkind.features.pipeline import FeatureExtractor, Refusal, VideoFeatures
from clipkind.features.store import FeatureFile, open_features
from clipkind.inference.heads import Heads
from clipkind.inference.prediction import Prediction
from clipkind.model.bundle import BACKBONE_FILE, Bundle
from clipkind.video.isolation import TIMEOUT_S


class Classifier:
    """Answers what kind of content videos are. Make one with `clipkind.load`.

    Decoding runs in `jobs` processes of its own; use the classifier as a context manager, or call
    `close`, to end them. Not for concurrent use from several threads.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        multi_scale: MultiScale | None = None,
        jobs: int = 1,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if jobs < 1:  # with none, videos would come out as no answers at all
            raise ValueError(f"jobs is {jobs}; it must be at least 1")
        self.bundle = bundle
        self.contract: Contract = bundle.contract_for(multi_scale)
        self.class_names = self.contract.class_names
        self._heads = Heads([bundle.path / member.onnx for member in bundle.members])
        self._engine: OpenVinoEngine | None = None
        self._extractor: FeatureExtractor | None = None
        self._jobs, self._timeout_s = jobs, timeout_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding processes. The classifier may be used again afterwards."""
        if self._extractor is not None:
            self._extractor.close()

    def classify(self, path: Path | str) -> Prediction:
        """The answer for one video. Raises VideoError when it cannot be read."""
        (prediction,) = self.classify_many([path])
        if prediction.status == "refused":
            assert prediction.reason is not None  # noqa: S101 - a refusal has its reason
            raise VideoError(prediction.reason, prediction.message)
        return prediction

    def classify_many(self, paths: Iterable[Path | str]) -> Iterator[Prediction]:
        """One prediction for every path, as each is ready; `paths` may be lazy.

        Videos that cannot be read come out with status `refused`; nothing is raised for them.
        """
        for result in self._ready_extractor().extract_many(paths):
            if isinstance(result, Refusal):
                yield self._refused(result.path, result.reason, result.message, result.elapsed_s)
            else:
                yield self._answer(result)

    def classify_features(
        self, path: Path | str, ids: Iterable[str] | None = None, *, backbone: str | None = None
    ) -> Iterator[Prediction]:
        """Answers from a feature file instead of videos (ids None: all in it).

        A documented-layout file records no backbone, so `backbone` must say which one made it.
        The file's class names may be others than the model's: they do not shape features.
        Raises ContractMismatch where the file was made by other rules than the model's,
        FileFormatError where it cannot be read.
        """
        path = Path(path)
        if is_documented(path):
            yield from self._classify_documented(path, ids, backbone)
            return
        with open_features(path) as file:
            self._require_fit(file.contract, path)
            for video_id in file.ids if ids is None else ids:
                yield self._classify_row(file, video_id)

    def start(self) -> None:
        """Compile the backbone and start the decoding processes now, not at the first video."""
        self._ready_extractor()

    def _ready_extractor(self) -> FeatureExtractor:
        if self._extractor is None:
            self._engine = OpenVinoEngine(self.bundle.path / BACKBONE_FILE)
            self._extractor = FeatureExtractor(
                self._engine, self.contract, jobs=self._jobs, timeout_s=self._timeout_s
            )
        self._extractor.start()
        return self._extractor

    def _answer(self, video: VideoFeatures) -> Prediction:
        return self._predict(
            video.path,
            video.features,
            reason=video.reason,
            message=video.message,
            duration_s=video.info.duration_s,
            frames_used=video.distinct,
            elapsed_s=video.elapsed_s,
            times_s=video.times_s,
        )

    def _classify_row(self, file: FeatureFile, video_id: str) -> Prediction:
        try:
            row = file.rows[file.index(video_id)]
        except VideoError as error:
            return self._refused(video_id, error.reason, str(error), 0.0)
        return self._predict(
            row.id,
            file.features([row.id])[0, : row.length],
            reason=Reason(row.reason) if row.reason else None,
            message="",
            duration_s=row.duration_s,
            frames_used=row.distinct,
        )

    def _classify_documented(
        self, path: Path, ids: Iterable[str] | None, backbone: str | None
    ) -> Iterator[Prediction]:
        data = import_documented(path, backbone)
        if backbone is None:
            raise FileFormatError(
                f"{path} does not record its backbone; say which one made it with --backbone"
            )
        self._require_documented_fit(data, backbone, path)
        rows = {video_id: i for i, video_id in enumerate(data.ids)}
        for video_id in rows if ids is None else ids:
            row = rows.get(video_id)
            if row is None:
                there = f"rows {data.ids[0]} to {data.ids[-1]}" if data.ids else "no rows"
                message = f"{path} has {there}"
                yield self._refused(video_id, Reason.UNKNOWN_ID, message, 0.0)
            else:
                yield self._predict(video_id, data.features[row, : data.lengths[row]])

    def _require_documented_fit(self, data: DocumentedFeatures, backbone: str, path: Path) -> None:
        theirs = replace(
            self.contract,
            multi_scale="documented" if data.multi_scale else "single",
            backbone=backbone,
            feature_dim=data.features.shape[2],
        )
        self._require_fit(theirs, path)
        length, wanted = data.features.shape[1], self.contract.sequence_length
        if length != wanted:
            raise ContractMismatch(
                ("num_frames",),
                f"{path} does not fit model {self.bundle.name}: its num_frames gives sequences of "
                f"{length}, not {wanted}. Extract the features again with the model's settings, "
                "or use the model made for them.",
            )

    def _require_fit(self, theirs: Contract, path: Path) -> None:
        self.contract.require_same(
            theirs, ours=f"model {self.bundle.name}", theirs=str(path), classes=False
        )

    def _predict(
        self,
        path: str,
        features: npt.ArrayLike,
        *,
        reason: Reason | None = None,
        message: str = "",
        duration_s: float | None = None,
        frames_used: int | None = None,
        elapsed_s: float = 0.0,
        times_s: tuple[float, ...] = (),
    ) -> Prediction:
        members, attention = self._heads(features)
        mean = members.mean(axis=0)
        best = int(mean.argmax())
        return Prediction(
            path=path,
            status="partial" if reason else "ok",
            label=self.class_names[best],
            confidence=float(mean[best]),
            probabilities=dict(zip(self.class_names, mean.tolist(), strict=True)),
            duration_s=duration_s,
            frames_used=attention.shape[1] if frames_used is None else frames_used,
            elapsed_s=elapsed_s,
            model=self.bundle.name,
            reason=reason,
            message=message,
            times_s=times_s,
            attention=tuple(attention.mean(axis=0).tolist()),
        )

    def _refused(self, path: str, reason: Reason, message: str, elapsed_s: float) -> Prediction:
        return Prediction(
            path=path,
            status="refused",
            elapsed_s=elapsed_s,
            model=self.bundle.name,
            reason=reason,
            message=message,
        )
