"""The documented loss against its documented figures and against torch's cross-entropy."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from clipkind.model.losses import FocalLoss, class_alpha, guessing_loss


def test_uniform_answer_gives_the_documented_loss() -> None:
    loss = FocalLoss(focal_p="smoothed")(torch.zeros(5, 4), torch.tensor([0, 1, 2, 3, 0]))
    assert float(loss) == pytest.approx(0.780, abs=5e-4)
    assert float(loss) == pytest.approx(0.75**2 * math.log(4), rel=1e-6)


def test_best_possible_answer_leaves_the_documented_floor() -> None:
    target = torch.tensor([[0.1 / 3, 0.9, 0.1 / 3, 0.1 / 3]])
    label = torch.tensor([1])
    documented = FocalLoss(focal_p="smoothed")
    loss = documented(target.log(), label)
    assert float(loss) == pytest.approx(0.054, abs=5e-4)
    for sharper in (1.1, 2.0, 10.0):
        assert float(documented(sharper * target.log(), label)) > float(loss)


def test_without_focus_it_is_smoothed_cross_entropy() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(16, 4), torch.randint(4, (16,))
    # torch spreads its smoothing over all 4 classes, the documented loss over the other 3
    expected = F.cross_entropy(logits, labels, label_smoothing=0.1 * 4 / 3)
    torch.testing.assert_close(FocalLoss(gamma=0.0)(logits, labels), expected)
    torch.testing.assert_close(
        FocalLoss(gamma=0.0, smoothing=0.0)(logits, labels), F.cross_entropy(logits, labels)
    )


def test_focus_looks_away_from_easy_videos() -> None:
    label = torch.tensor([0])
    easy, hard = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    plain, focal = FocalLoss(gamma=0.0), FocalLoss(gamma=2.0)
    assert focal(easy, label) / focal(hard, label) < plain(easy, label) / plain(hard, label)


def test_alpha_weighs_each_video_by_its_class() -> None:
    logits = torch.zeros(2, 2)
    labels = torch.tensor([0, 1])
    one = float(FocalLoss()(logits, labels))
    weighted = FocalLoss(alpha=torch.tensor([1.0, 3.0]))(logits, labels)
    assert float(weighted) == pytest.approx(2.0 * one)


def test_class_alpha() -> None:
    documented = class_alpha(torch.tensor([633, 667, 676, 646]))
    assert documented.tolist() == pytest.approx([2622 / (4 * n) for n in (633, 667, 676, 646)])
    assert round(float(documented.min()), 2) == 0.97
    assert round(float(documented.max()), 2) == 1.04
    assert class_alpha(torch.tensor([1, 999])).tolist() == pytest.approx([10.0, 1000 / 1998])
    assert class_alpha(torch.tensor([1, 1, 98])).tolist() == pytest.approx([10.0, 10.0, 0.5])


def test_true_class_confidence_lets_the_focal_loss_vanish() -> None:
    label = torch.tensor([1])
    sure = torch.tensor([[0.0, 30.0, 0.0, 0.0]])
    assert float(FocalLoss(smoothing=0.0)(sure, label)) < 1e-6
    logits = torch.tensor([[0.3, 1.0, -0.4]], requires_grad=True)
    p = logits.softmax(dim=1)[0, 1]
    expected = (1 - p) ** 2 * -p.log()
    torch.testing.assert_close(FocalLoss(smoothing=0.0)(logits, label), expected)
    for gamma in (0.0, 0.5, 2.0):  # a certain answer must not make the gradient infinite
        certain = torch.tensor([[0.0, 200.0, 0.0]], requires_grad=True)
        (gradient,) = torch.autograd.grad(FocalLoss(gamma)(certain, label), certain)
        assert bool(gradient.isfinite().all())


def test_guessing_is_uniform_where_classes_come_equally_often() -> None:
    documented = FocalLoss(focal_p="smoothed")
    assert guessing_loss(documented, torch.ones(4)) == pytest.approx(0.780, abs=5e-4)


def test_guessing_is_the_prior_under_cross_entropy() -> None:
    shares = torch.tensor([3.0, 1.0])
    found = guessing_loss(FocalLoss(gamma=0.0, smoothing=0.0), shares)
    assert found == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)), rel=1e-4)
