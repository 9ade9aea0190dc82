"""ecglab: a course and benchmark for diffusion-based self-supervised learning on ECG."""

__version__ = "0.1.0"
