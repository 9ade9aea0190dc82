"""Noise schedule, forward process, losses, samplers, and the U-Net."""
