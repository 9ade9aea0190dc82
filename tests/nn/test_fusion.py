"""The cross-modal classifier, against its equations written out."""

import pytest
import torch

from ecglab.nn.fusion import CrossModalClassifier


@pytest.fixture
def classifier() -> CrossModalClassifier:
    torch.manual_seed(0)
    sizes = {"signal": 6, "lorenz": 4}
    net = CrossModalClassifier(sizes, {"signal": 1, "lorenz": 2}, 3, width=16, hidden=8, heads=4)
    return net.eval()


@pytest.fixture
def features() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "signal": torch.randn(5, 6, 125, generator=generator),
        "lorenz": torch.randn(5, 4, 12, 12, generator=generator),
    }


@torch.no_grad()
def test_the_equations(classifier: CrossModalClassifier, features: dict[str, torch.Tensor]) -> None:
    logits, weights = classifier.explain(features)
    for b in range(5):
        tokens = torch.stack([classifier.tokens[m](features[m])[b] for m in ("signal", "lorenz")])
        q, k, v = (
            tokens @ w.T + c
            for w, c in zip(
                classifier.attend.in_proj_weight.chunk(3),
                classifier.attend.in_proj_bias.chunk(3),
                strict=True,
            )
        )
        heads, maps = [], []
        for h in range(4):
            part = slice(4 * h, 4 * h + 4)
            attention = torch.zeros(2, 2)
            for i in range(2):
                raw = torch.stack([(q[i, part] * k[j, part]).sum() / 4**0.5 for j in range(2)])
                attention[i] = raw.exp() / raw.exp().sum()
            maps.append(attention)
            heads.append(attention @ v[:, part])
        out = classifier.attend.out_proj(torch.cat(heads, dim=1))
        z = classifier.norm(tokens + out).mean(dim=0)
        assert torch.allclose(logits[b], classifier.classify(z), atol=1e-5)
        assert torch.allclose(weights[b], torch.stack(maps).mean(dim=0).mean(dim=0), atol=1e-5)


@torch.no_grad()
def test_weights_are_shares(
    classifier: CrossModalClassifier, features: dict[str, torch.Tensor]
) -> None:
    _, weights = classifier.explain(features)
    assert weights.shape == (5, 2)
    assert torch.allclose(weights.sum(dim=1), torch.ones(5))
    assert torch.equal(classifier(features), classifier.explain(features)[0])


def test_one_modality_has_all_the_weight() -> None:
    net = CrossModalClassifier({"signal": 6}, {"signal": 1}, 2, width=16, heads=4).eval()
    _, weights = net.explain({"signal": torch.randn(3, 6, 40)})
    assert weights.tolist() == [[1.0]] * 3
