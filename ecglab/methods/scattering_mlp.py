"""The control that the DACL paper lacks: a small network with labels on the same features.

It has neither views, nor a latent, nor triplets. What an encoder trained by triplets is worth
beyond being a network that has seen labels, only a comparison with this one can say.
"""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ecglab.data.windows import WindowSet
from ecglab.methods.base import Method, MethodInfo, register
from ecglab.methods.scattering_features import DACL_WINDOWS, scattering_features
from ecglab.profiles import Profile


def fit_network(x: NDArray[np.float32], labels: NDArray[Any], *, seed: int) -> Pipeline:
    """A network of one hidden layer, 64 units, trained by the cross-entropy on scaled features.

    Twelve epochs of Adam in batches of 256, with a penalty of 1 on the squared weights: the first
    setting tried, and no other was.

    Args:
        x: features, (windows, d).
        labels: one class for each, (windows,).
        seed: of the weights and the order of the windows.

    Returns:
        A fitted scikit-learn pipeline.
    """
    network = MLPClassifier((64,), alpha=1.0, batch_size=256, max_iter=12, random_state=seed)
    model = make_pipeline(StandardScaler(), network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its epochs are counted, on purpose
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger", UserWarning)
        return model.fit(x.astype(np.float64), labels)


@register
class ScatteringMLP(Method):
    """Scattering Transformer features and a small network, learned from labels."""

    info = MethodInfo(
        name="scattering-mlp",
        title="Scattering Transformer, small network",
        kind="supervised",
        modalities=("scattering",),
        paper="control of this course",
        year=2026,
    )

    def __init__(self) -> None:
        self.spec = DACL_WINDOWS
        self.network: Pipeline | None = None

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The same for every profile."""
        return cls()

    def finetune(self, data: WindowSet, labels: NDArray[Any], *, seed: int = 0) -> None:
        """``fit_network`` on the features of labelled windows.

        Raises:
            ValueError: for labels of one class only, or of another number than the windows, and as
                ``check``.
        """
        self.check(data)
        names = np.asarray(labels).astype(str)
        if len(names) != len(data) or len(np.unique(names)) < 2:
            raise ValueError(f"{len(data)} windows, {len(names)} labels of {sorted(set(names))}")
        self.network = fit_network(np.array(scattering_features(data)), names, seed=seed)

    def predict(self, data: WindowSet, *, seed: int = 0) -> NDArray[np.float64]:
        """Class probabilities (n, classes), the classes in alphabetical order.

        Raises:
            ValueError: before ``finetune``, and as ``check``.
        """
        if self.network is None:
            raise ValueError(f"{self.info.name}: finetune comes before predict")
        self.check(data)
        return np.asarray(self.network.predict_proba(np.array(scattering_features(data))))
