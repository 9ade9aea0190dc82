"""Noise schedule, forward process, objectives, samplers, and the denoising U-Net."""

from ecglab.diffusion.objectives import DenoisingLoss, predict_noise, predict_x0, target
from ecglab.diffusion.sampling import ddim_invert, ddim_sample, ddpm_sample, spherical
from ecglab.diffusion.schedule import NoiseSchedule
from ecglab.diffusion.unet import Features, UNet, UNetConfig

__all__ = [
    "DenoisingLoss",
    "Features",
    "NoiseSchedule",
    "UNet",
    "UNetConfig",
    "ddim_invert",
    "ddim_sample",
    "ddpm_sample",
    "predict_noise",
    "predict_x0",
    "spherical",
    "target",
]
