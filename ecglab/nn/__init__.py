"""Layers worth a page of their own, each for signals (1-D) and images (2-D) alike."""

from ecglab.nn.attention import Attention, LinearAttention
from ecglab.nn.conv import NearestUp, PixelUnshuffleDown, WeightStandardizedConv, convolution
from ecglab.nn.embedding import SinusoidalEmbedding

__all__ = [
    "Attention",
    "LinearAttention",
    "NearestUp",
    "PixelUnshuffleDown",
    "SinusoidalEmbedding",
    "WeightStandardizedConv",
    "convolution",
]
