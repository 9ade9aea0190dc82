"""The encoder against the whole U-Net, at DiffECG's published sizes, in one run."""

import time

import torch

from ecglab.diffusion import UNet, UNetConfig

SIZES = {
    "signal": (UNetConfig(), (1, 2500)),
    "lorenz": (UNetConfig(ndim=2, multipliers=(1, 2, 4)), (1, 48, 48)),
    "stft": (UNetConfig(ndim=2, dim=64, multipliers=(1, 2, 2, 2)), (1, 48, 48)),
}


def run() -> dict[str, float | str]:
    """Milliseconds per window, best of three, and the ratio whole / encoder."""
    found: dict[str, float | str] = {}
    for name, (config, shape) in SIZES.items():
        net, x = UNet(config).eval(), torch.randn(16, *shape)
        t = torch.full((16,), 20)
        times = {}
        with torch.inference_mode():
            for part, call in {"encoder": net.encode, "whole": net}.items():
                call(x, t)
                laps = []
                for _ in range(3):
                    began = time.perf_counter()
                    call(x, t)
                    laps.append(time.perf_counter() - began)
                times[part] = min(laps)
        found[f"{name}: encoder (ms a window)"] = round(times["encoder"] / 16 * 1e3, 2)
        found[f"{name}: whole / encoder"] = round(times["whole"] / times["encoder"], 2)
    return found


if __name__ == "__main__":
    print(run())
