"""Metrics with bootstrap intervals, the linear probe, protocols, the results store."""

from ecglab.evaluation.bootstrap import Difference, Interval, bootstrap_ci, paired_difference
from ecglab.evaluation.metrics import (
    CINC2017_CLASSES,
    accuracy,
    auroc,
    cinc2017_score,
    class_f1,
    confusion_matrix,
    f1_by_subject,
    f1_per_class,
    macro_auroc,
    macro_f1,
)
from ecglab.evaluation.probe import ProbeResult, fit_probe, linear_probe, majority
from ecglab.evaluation.results import Result, ResultError, load_all, save, stored_results
from ecglab.evaluation.tables import frame, table, to_markdown, update_readme, write_table

__all__ = [
    "CINC2017_CLASSES",
    "Difference",
    "Interval",
    "ProbeResult",
    "Result",
    "ResultError",
    "accuracy",
    "auroc",
    "bootstrap_ci",
    "cinc2017_score",
    "class_f1",
    "confusion_matrix",
    "f1_by_subject",
    "f1_per_class",
    "fit_probe",
    "frame",
    "linear_probe",
    "load_all",
    "macro_auroc",
    "macro_f1",
    "majority",
    "paired_difference",
    "save",
    "stored_results",
    "table",
    "to_markdown",
    "update_readme",
    "write_table",
]
