"""Targets, their conversions, and the training loss."""

import pytest
import torch

from ecglab.diffusion import DenoisingLoss, NoiseSchedule, predict_noise, predict_x0, target

SCHEDULE = NoiseSchedule.linear()


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
def test_a_perfect_prediction_gives_back_signal_and_noise(objective: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(4, 1, 32, generator=generator)
    noise = torch.randn(4, 1, 32, generator=generator)
    t = torch.tensor([1, 100, 400, 700])
    xt = SCHEDULE.q_sample(x0, t, noise)
    said = target(SCHEDULE, objective, x0, t, noise)
    assert torch.allclose(predict_x0(SCHEDULE, objective, xt, t, said), x0, atol=1e-4)
    assert torch.allclose(predict_noise(SCHEDULE, objective, xt, t, said), noise, atol=1e-4)


def test_v_is_the_derivative_along_the_angle() -> None:
    """With x_t = cos(phi) x0 + sin(phi) noise, v = dx_t / dphi (Salimans & Ho 2022)."""
    x0, noise = torch.tensor([[2.0]]), torch.tensor([[-1.0]])
    t = torch.tensor([300])
    a, b = (c.double() for c in SCHEDULE.coefficients(t, x0))
    phi, h = torch.atan2(b, a), 1e-6

    def xt(angle: torch.Tensor) -> torch.Tensor:
        return angle.cos() * x0 + angle.sin() * noise

    slope = (xt(phi + h) - xt(phi - h)) / (2 * h)
    assert torch.allclose(target(SCHEDULE, "v", x0, t, noise).double(), slope, atol=1e-5)


@pytest.mark.parametrize("loss", ["mse", "smooth_l1"])
def test_predicting_nothing_costs_what_normal_noise_costs(loss: str) -> None:
    """A network of zeros pays E[cost(z)] for z ~ N(0, 1), here by quadrature."""

    class Zero(torch.nn.Module):
        def forward(self, xt: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(xt)

    z = torch.linspace(-8, 8, 200_001, dtype=torch.float64)
    density = torch.exp(-z * z / 2) / (2 * torch.pi) ** 0.5
    cost = z * z if loss == "mse" else torch.where(z.abs() < 1, z * z / 2, z.abs() - 0.5)
    exact = torch.trapezoid(cost * density, z).item()
    module = DenoisingLoss(Zero(), SCHEDULE, loss=loss)
    value = module(torch.zeros(64, 1, 500), torch.Generator().manual_seed(0)).item()
    assert value == pytest.approx(exact, rel=0.03)


def test_the_loss_is_a_function_of_the_generator() -> None:
    module = DenoisingLoss(_Scaled(), SCHEDULE)
    x0 = torch.randn(8, 1, 16, generator=torch.Generator().manual_seed(3))
    first, again, other = (
        module(x0, torch.Generator().manual_seed(seed)).item() for seed in (0, 0, 1)
    )
    assert first == again != other


class _Scaled(torch.nn.Module):
    def forward(self, xt: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return 0.5 * xt


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="objective"):
        DenoisingLoss(_Scaled(), SCHEDULE, objective="score")
    with pytest.raises(ValueError, match="loss"):
        DenoisingLoss(_Scaled(), SCHEDULE, loss="l1")
