"""One file per system in the papers, behind one small interface; the registry lists them."""

from ecglab.methods.base import METHODS, Method, MethodInfo, Unsupported, describe_methods
from ecglab.methods.diffecg import DiffECGConfig, DiffECGSignal
from ecglab.methods.pretrained import get_method, pretrain, pretrained
from ecglab.methods.record_features import RecordFeatures, RRSpectral

__all__ = [
    "METHODS",
    "DiffECGConfig",
    "DiffECGSignal",
    "Method",
    "MethodInfo",
    "RRSpectral",
    "RecordFeatures",
    "Unsupported",
    "describe_methods",
    "get_method",
    "pretrain",
    "pretrained",
]
