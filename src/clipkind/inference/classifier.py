"""The classifier: a bundle's backbone and heads behind one path from file to answer."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from clipkind.checks import MOST_JOBS, require_whole
from clipkind.contract import Contract, MultiScale
from clipkind.errors import ContractMismatch, FileFormatError, Reason, VideoError
from clipkind.features.documented import DocumentedFeatures, import_documented, is_documented
from clipkind.features.engines.openvino_engine import OpenVinoEngine
from clipkind.features.pipeline import FeatureExtractor, Refusal, VideoFeatures, Watch
from clipkind.features.store import FeatureFile, open_features
from clipkind.inference.heads import Heads
from clipkind.inference.prediction import Prediction, Status
from clipkind.inference.way import Way, way_for
from clipkind.model.bundle import BACKBONE_FILE, Bundle
from clipkind.model.risk import RiskRule, decide, decision_of
from clipkind.video.isolation import TIMEOUT_S, require_timeout

_STRANGE = "it is too unlike the videos the model knows"


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
        require_whole("jobs", jobs, 1, MOST_JOBS)
        self._jobs, self._timeout_s = jobs, require_timeout(timeout_s)
        self.bundle = bundle
        self.contract: Contract = bundle.contract_for(multi_scale)
        self.class_names = self.contract.class_names
        self._outliers = bundle.outliers_for(self.contract.multi_scale)
        self._heads = Heads([bundle.path / member.onnx for member in bundle.members])
        self._engine: OpenVinoEngine | None = None
        self._extractor: FeatureExtractor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding processes. The classifier may be used again afterwards."""
        if self._extractor is not None:
            self._extractor.close()

    def interrupt(self) -> None:
        """End the videos under way, which are refused as if the decoder had crashed.

        May be called from another thread, unlike the rest; without effect where none is under way.
        """
        if self._extractor is not None:
            self._extractor.interrupt()

    def classify(
        self,
        path: Path | str,
        *,
        tta: bool = False,
        risk: float | None = None,
        max_strangeness: float | None = None,
        member: int | None = None,
        explain: bool = False,
        watch: Watch | None = None,
    ) -> Prediction:
        """The answer for one video. Raises VideoError when it cannot be read.

        `member` alone answers where one is given, by its number in the bundle: its confidence is
        not calibrated, and it states no risk. With `explain` the answer has `by_frame`. `watch` is
        told how decoding goes; what it raises ends the video. For the other options see
        `classify_many`.
        """
        way = replace(self._way(tta, risk, max_strangeness, member), explain=explain)
        (prediction,) = self._classified([path], way, watch)
        if prediction.status == "refused":
            assert prediction.reason is not None  # noqa: S101 - a refusal has its reason
            raise VideoError(prediction.reason, prediction.message)
        return prediction

    def classify_many(
        self,
        paths: Iterable[Path | str],
        *,
        tta: bool = False,
        risk: float | None = None,
        max_strangeness: float | None = None,
    ) -> Iterator[Prediction]:
        """One prediction for every path, as each is ready; `paths` may be lazy.

        `tta` asks each network in four ways (see `clipkind.inference.tta`). With `risk`, such as
        0.05, an answer is one label only where the share of wrong ones among such answers should
        stay within the risk; else it is several labels, or `unsure` (see `clipkind.model.risk`,
        and `risk_rule` for whether the model promises it or only aims at it).

        With `max_strangeness`, such as 0.99, videos stranger than that are `unsure` with reason
        `strange`; a `partial` one keeps its reason, and the message tells both. It costs about the
        share 1 - `max_strangeness` of the videos like those the model knows; how many of other
        kinds it finds is measured (`benchmarks/outliers.py`). What a risk promises was calibrated
        without it, and for videos like those.

        Videos that cannot be read come out with status `refused`; nothing is raised for them.
        Raises ValueError for a risk that is not above 0 and at most 0.5 and a `max_strangeness`
        that is not above 0 and at most 1, FileFormatError where the model lacks what they need.
        """
        way = self._way(tta, risk, max_strangeness)
        return self._classified(paths, way)

    def _classified(
        self, paths: Iterable[Path | str], way: Way, watch: Watch | None = None
    ) -> Iterator[Prediction]:
        for result in self._ready_extractor().extract_many(paths, watch=watch):
            if isinstance(result, Refusal):
                yield self._refused(result.path, result.reason, result.message, result.elapsed_s)
            else:
                yield self._answer(result, way)

    def classify_features(
        self,
        path: Path | str,
        ids: Iterable[str] | None = None,
        *,
        backbone: str | None = None,
        tta: bool = False,
        risk: float | None = None,
        max_strangeness: float | None = None,
    ) -> Iterator[Prediction]:
        """Answers from a feature file instead of videos (ids None: all in it).

        A documented-layout file records no backbone, so `backbone` must say which one made it.
        The file's class names may be others than the model's: they do not shape features.
        For the other options see `classify_many`.
        Raises ContractMismatch where the file was made by other rules than the model's,
        FileFormatError where it cannot be read, and as `classify_many`.
        """
        path, way = Path(path), self._way(tta, risk, max_strangeness)
        if is_documented(path):
            yield from self._classify_documented(path, ids, backbone, way)
            return
        with open_features(path) as file:
            self._require_fit(file.contract, path)
            for video_id in file.ids if ids is None else ids:
                yield self._classify_row(file, video_id, way)

    def risk_rule(self, risk: float, *, tta: bool = False) -> RiskRule:
        """How the model answers at a risk, and whether it cannot promise it (`note`).

        Raises as `classify_many`.
        """
        rule = self._way(tta, risk, None).rule
        assert rule is not None  # noqa: S101 - a risk was given
        return rule

    def _way(
        self,
        tta: bool,
        risk: float | None,
        max_strangeness: float | None,
        member: int | None = None,
    ) -> Way:
        return way_for(
            self.bundle,
            self.contract.multi_scale,
            member=member,
            tta=tta,
            risk=risk,
            max_strangeness=max_strangeness,
        )

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

    def _answer(self, video: VideoFeatures, way: Way) -> Prediction:
        return self._predict(
            video.path,
            video.features,
            way,
            reason=video.reason,
            message=video.message,
            duration_s=video.info.duration_s,
            frames_used=video.distinct,
            elapsed_s=video.elapsed_s,
            times_s=video.times_s,
        )

    def _classify_row(self, file: FeatureFile, video_id: str, way: Way) -> Prediction:
        try:
            row = file.rows[file.index(video_id)]
        except VideoError as error:
            return self._refused(video_id, error.reason, str(error), 0.0)
        return self._predict(
            row.id,
            file.features([row.id])[0, : row.length],
            way,
            reason=Reason(row.reason) if row.reason else None,
            message="",
            duration_s=row.duration_s,
            frames_used=row.distinct,
        )

    def _classify_documented(
        self, path: Path, ids: Iterable[str] | None, backbone: str | None, way: Way
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
                yield self._predict(video_id, data.features[row, : data.lengths[row]], way)

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
        way: Way,
        *,
        reason: Reason | None = None,
        message: str = "",
        duration_s: float | None = None,
        frames_used: int | None = None,
        elapsed_s: float = 0.0,
        times_s: tuple[float, ...] = (),
    ) -> Prediction:
        members, attention = self._heads(features, tta=way.tta)
        model = self.bundle.name
        if way.member is not None:
            members, attention = members[[way.member]], attention[[way.member]]
            model = f"{model}/{self.bundle.members[way.member].name}"
        probabilities = self._together(members, way)
        best = int(probabilities.argmax())
        if way.calibration is not None:
            probabilities = way.calibration(probabilities)
        chosen = [best]
        strangeness = None
        if self._outliers is not None:
            strangeness = self._outliers.percentile(self._outliers.score(features))
        status: Status = "partial" if reason else "ok"
        if strangeness is not None and strangeness > way.max_strangeness:
            chosen = []
            told = f"and {_STRANGE}" if reason else _STRANGE
            message = f"{message}; {told}" if message else told  # feature files keep no message
            reason = reason or Reason.STRANGE
        elif way.rule is not None:
            given = np.flatnonzero(decide(probabilities[None], way.rule)[0])
            chosen = sorted(given.tolist(), key=lambda c: -probabilities[c])
        return Prediction(
            path=path,
            status=status,
            label=self.class_names[best] if len(chosen) == 1 else None,
            labels=tuple(self.class_names[c] for c in chosen),
            decision=decision_of(len(chosen)),
            confidence=float(probabilities[chosen].sum()) if chosen else None,
            calibrated=way.calibration is not None,
            probabilities=dict(zip(self.class_names, probabilities.tolist(), strict=True)),
            strangeness=strangeness,
            duration_s=duration_s,
            frames_used=attention.shape[1] if frames_used is None else frames_used,
            elapsed_s=elapsed_s,
            model=model,
            reason=reason,
            message=message,
            members=tuple(
                dict(zip(self.class_names, votes, strict=True)) for votes in members.tolist()
            ),
            times_s=times_s,
            attention=tuple(attention.mean(axis=0).tolist()),
            by_frame=self._by_frame(features, way) if way.explain else (),
        )

    def _by_frame(self, features: npt.ArrayLike, way: Way) -> tuple[tuple[float, ...], ...]:
        members = self._heads.by_frame(features)
        found = self._together(members if way.member is None else members[[way.member]], way)
        if way.calibration is not None:
            found = way.calibration(found)
        return tuple(map(tuple, found.tolist()))

    def _together(self, members: npt.NDArray[np.float32], way: Way) -> npt.NDArray[np.float64]:
        """What members [M, …, C] say together [..., C]; of one alone, what it says."""
        if way.member is None:
            return self.bundle.combination(members)
        alone: npt.NDArray[np.float64] = members[0].astype(np.float64)
        return alone

    def _refused(self, path: str, reason: Reason, message: str, elapsed_s: float) -> Prediction:
        return Prediction(
            path=path,
            status="refused",
            elapsed_s=elapsed_s,
            model=self.bundle.name,
            reason=reason,
            message=message,
        )
