"""Layers worth a page of their own, most of them for signals (1-D) and images (2-D) alike."""

from ecglab.nn.attention import Attention, LinearAttention
from ecglab.nn.conv import NearestUp, PixelUnshuffleDown, WeightStandardizedConv, convolution
from ecglab.nn.embedding import SinusoidalEmbedding
from ecglab.nn.lru import LRU, LRUBlock, parameter_groups
from ecglab.nn.reducer import AttentionReducer, PoolingReducer

__all__ = [
    "LRU",
    "Attention",
    "AttentionReducer",
    "LRUBlock",
    "LinearAttention",
    "NearestUp",
    "PixelUnshuffleDown",
    "PoolingReducer",
    "SinusoidalEmbedding",
    "WeightStandardizedConv",
    "convolution",
    "parameter_groups",
]
