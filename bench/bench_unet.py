"""The encoder against the whole U-Net, at DiffECG's published sizes and ours, in one run.

Processor time on one thread, so that a busy machine stretches neither side; both sides take turns.
"""

import time

import torch

from ecglab.diffusion import UNet, UNetConfig
from ecglab.diffusion.extractor import Extractor, macs_by_part

SIZES = {
    "signal": (UNetConfig(), (1, 2500)),
    "lorenz": (UNetConfig(ndim=2, multipliers=(1, 2, 4)), (1, 48, 48)),
    "stft": (UNetConfig(ndim=2, dim=64, multipliers=(1, 2, 2, 2)), (1, 48, 48)),
    "signal, laptop": (UNetConfig(dim=16, multipliers=(1, 2, 4, 8), head_width=8), (1, 1000)),
    "lorenz, laptop": (
        UNetConfig(ndim=2, dim=16, multipliers=(1, 2, 4), head_width=8),
        (1, 48, 48),
    ),
    "stft, laptop": (
        UNetConfig(ndim=2, dim=16, multipliers=(1, 2, 2, 2), head_width=8),
        (1, 48, 48),
    ),
}
LAPS = 5


def run() -> dict[str, float | str]:
    """Milliseconds per window, best of five, and the ratios whole / encoder of time and work."""
    found: dict[str, float | str] = {}
    torch.set_num_threads(1)
    for name, (config, shape) in SIZES.items():
        net, x = UNet(config).eval(), torch.randn(16, *shape)
        t = torch.full((16,), 20)
        laps: dict[str, list[float]] = {"encoder": [], "whole": []}
        with torch.inference_mode():
            for _ in range(LAPS):
                for part, call in {"encoder": net.encode, "whole": net}.items():
                    began = time.process_time()
                    call(x, t)
                    laps[part].append(time.process_time() - began)
        encoder, whole = min(laps["encoder"]), min(laps["whole"])
        macs = macs_by_part(net, shape)
        mine = sum(macs[part] for part in Extractor.paper(config).parts(config))
        found[f"{name}: encoder (ms a window)"] = round(encoder / 16 * 1e3, 2)
        found[f"{name}: whole / encoder"] = round(whole / encoder, 2)
        found[f"{name}: whole / encoder, operations"] = round(sum(macs.values()) / mine, 2)
    return found


if __name__ == "__main__":
    print(run())
