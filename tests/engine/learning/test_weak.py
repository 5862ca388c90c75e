"""Owns the proof that labels of whole videos are enough to find the pieces that show the incident."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.domain.errors import InvalidInputError  # noqa: E402
from crime_detect_engine.learning.datasets import Sample  # noqa: E402
from crime_detect_engine.learning.weak import (  # noqa: E402
    RankingTerms,
    bag_loss,
    draw_pieces,
    label_of,
    pair_bags,
    ranking_loss,
)
from sklearn.metrics import roc_auc_score  # noqa: E402

NORMAL, FIGHTING, ROBBERY = 0, 1, 2


def test_the_loss_is_the_papers() -> None:
    incident, normal = torch.tensor([0.2, 0.9, 0.4]), torch.tensor([0.1, 0.3])
    loss = ranking_loss([incident], [normal], RankingTerms(smoothness=0.5, sparsity=0.25))
    assert float(loss) == pytest.approx((1 - 0.9 + 0.3) + 0.5 * (0.7**2 + 0.5**2) + 0.25 * 1.5)
    assert float(ranking_loss([torch.ones(3)], [torch.zeros(2)], RankingTerms(0, 0))) == 0


def made_up_bag(label: int, random: np.random.Generator) -> tuple[Any, np.ndarray]:
    """32 pieces of 12 noisy features. In incident bags three in a row carry a direction that no label points at."""
    pieces = random.normal(0, 1, (32, 12)).astype(np.float32)
    shown = np.zeros(32, np.int64)
    if label != NORMAL:
        start = int(random.integers(0, 29))
        shown[start : start + 3] = label
        pieces[start : start + 3, [2, 5] if label == FIGHTING else [7, 9]] += 3.5
    return torch.from_numpy(pieces), shown


def learn(bags: list[tuple[Any, int]], classes: int) -> Any:
    network = torch.nn.Linear(12, classes)
    torch.manual_seed(0)
    torch.nn.init.normal_(network.weight, 0, 0.01)
    torch.nn.init.zeros_(network.bias)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.03)
    labels = [label for _, label in bags]
    for _ in range(150):
        loss, _ = bag_loss([network(pieces) for pieces, _ in bags], labels, NORMAL, RankingTerms())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


@pytest.mark.parametrize("kinds", [(FIGHTING,), (FIGHTING, ROBBERY)])
def test_incident_pieces_are_found_though_only_bags_are_labelled(kinds: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    labels = [label for kind in kinds for label in (NORMAL, kind)] * (16 // len(kinds))
    network = learn([(made_up_bag(label, random)[0], label) for label in labels], 1 + len(kinds))
    with torch.inference_mode():
        fresh = [made_up_bag(label, random) for label in labels]
        said = torch.cat([network(pieces).softmax(1) for pieces, _ in fresh]).numpy()
    shown = np.concatenate([own for _, own in fresh])
    assert roc_auc_score(shown != NORMAL, 1 - said[:, NORMAL]) > 0.97
    incidents = said[shown != NORMAL]
    assert (incidents[:, 1:].argmax(1) + 1 == shown[shown != NORMAL]).mean() > 0.95, "and what kind they are"


def test_labels_that_say_nothing_find_nothing() -> None:
    """The control: bags whose label has nothing to do with what they show."""
    random = np.random.default_rng(6)
    truth = [NORMAL, FIGHTING] * 12
    wrong = [truth[int(i)] for i in random.permutation(len(truth))]
    bags = [(made_up_bag(label, random)[0], claimed) for label, claimed in zip(truth, wrong, strict=True)]
    network = learn(bags, 2)
    with torch.inference_mode():
        fresh = [made_up_bag(label, random) for label in truth]
        said = torch.cat([network(pieces).softmax(1) for pieces, _ in fresh]).numpy()
    assert roc_auc_score(np.concatenate([own for _, own in fresh]) != NORMAL, 1 - said[:, NORMAL]) < 0.9


def piece(video: str, label: int) -> Sample:
    return Sample(video, np.zeros((1, 1, 1, 3), np.uint8), label, video, 0)


def test_every_incident_video_meets_a_normal_one_and_all_normal_ones_take_part() -> None:
    samples = [piece(f"n{n}", NORMAL) for n in range(5)] + [
        piece(v, label) for v in "ab" for label in (NORMAL, FIGHTING)
    ]
    pairs = pair_bags(samples, NORMAL, np.random.default_rng(0))
    assert len(pairs) == 5
    assert {bag[0].path for _, bag in pairs} == {"n0", "n1", "n2", "n3", "n4"}
    assert {(bag[0].path, len(bag), label_of(bag, NORMAL)) for bag, _ in pairs} == {
        ("a", 2, FIGHTING),
        ("b", 2, FIGHTING),
    }
    with pytest.raises(InvalidInputError, match="incident videos and normal ones"):
        pair_bags(samples[:5], NORMAL, np.random.default_rng(0))


def test_pieces_are_drawn_from_all_of_a_video_in_their_order() -> None:
    bag = [piece(str(n), NORMAL) for n in range(40)]
    numbers = [int(sample.path) for sample in draw_pieces(bag, 8, np.random.default_rng(1))]
    assert [number // 5 for number in numbers] == list(range(8))
    assert draw_pieces(bag[:8], 8, np.random.default_rng(1)) == bag[:8]


def test_a_network_is_trained_on_labels_of_videos(
    recipe_text: str, footage: Any, make_clip: Any, tmp_path: Any
) -> None:
    """Every piece of an incident video is labelled as one, though one in three shows it."""
    from crime_detect_engine.learning.recipe import parse_recipe
    from crime_detect_engine.learning.scoring import score_clips
    from crime_detect_engine.learning.train import train_network

    recipe = parse_recipe(recipe_text.replace("[training]", '[training]\nsupervision = "video"\nbag_pieces = 3'))
    samples = [
        Sample(f"{n}.mp4", make_clip(int(n % 2 and part == 1), 10 * n + part), n % 2, str(n), 0)
        for n in range(6)
        for part in range(3)
    ]
    lines: list[str] = []
    network = train_network(recipe, samples, tmp_path, tmp_path / "run", lines.append, footage)
    assert any('"epoch": 1' in line for line in lines)
    apart = [replace(sample, path=f"{number}") for number, sample in enumerate(samples) if sample.label]
    worst = [clip.worst(NORMAL) for clip in score_clips(network, recipe.spec, apart, footage)]
    suspicion = [logits[FIGHTING] - logits[NORMAL] for logits in worst]
    assert min(suspicion[1::3]) > max(suspicion[0::3] + suspicion[2::3])
