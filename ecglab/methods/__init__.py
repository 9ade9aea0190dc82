"""One file per system in the papers, behind one small interface; the registry lists them."""

from ecglab.methods.base import (
    METHODS,
    Method,
    MethodInfo,
    Unsupported,
    describe_methods,
    register,
)
from ecglab.methods.dacl import (
    DACL,
    GaussianContrastive,
    LatentDenoiser,
    ScatteringTransformer,
    ScatteringVAE,
)
from ecglab.methods.diffecg import (
    DiffECGConfig,
    DiffECGLorenz,
    DiffECGModality,
    DiffECGSignal,
    DiffECGSpectrogram,
)
from ecglab.methods.diffecg_fusion import DiffECG
from ecglab.methods.encoder import EcgEmbedding, Encoder, load_pretrained
from ecglab.methods.frozen import FrozenFeatureClassifier, HeadConfig
from ecglab.methods.pretrained import get_method, load_weights, pretrain, pretrained
from ecglab.methods.record_features import RecordFeatures, RRSpectral
from ecglab.methods.scattering_mlp import ScatteringMLP
from ecglab.methods.semantic_autoencoder import SemanticAutoencoder, SemanticAutoencoderConfig
from ecglab.methods.semantic_rhythm import SemanticRhythm
from ecglab.methods.supervised_encoder import SupervisedEncoder

__all__ = [
    "DACL",
    "METHODS",
    "DiffECG",
    "DiffECGConfig",
    "DiffECGLorenz",
    "DiffECGModality",
    "DiffECGSignal",
    "DiffECGSpectrogram",
    "EcgEmbedding",
    "Encoder",
    "FrozenFeatureClassifier",
    "GaussianContrastive",
    "HeadConfig",
    "LatentDenoiser",
    "Method",
    "MethodInfo",
    "RRSpectral",
    "RecordFeatures",
    "ScatteringMLP",
    "ScatteringTransformer",
    "ScatteringVAE",
    "SemanticAutoencoder",
    "SemanticAutoencoderConfig",
    "SemanticRhythm",
    "SupervisedEncoder",
    "Unsupported",
    "describe_methods",
    "get_method",
    "load_pretrained",
    "load_weights",
    "pretrain",
    "pretrained",
    "register",
]
