"""The course as a whole: its notebooks are run, kept in step with their pairs, and handed out."""

from ecglab.course.exercises import make_exercises
from ecglab.course.pairing import sync
from ecglab.course.runner import Outcome, run, summary
from ecglab.course.sources import Facts, NotebookError, describe_source, find_sources

__all__ = [
    "Facts",
    "NotebookError",
    "Outcome",
    "describe_source",
    "find_sources",
    "make_exercises",
    "run",
    "summary",
    "sync",
]
