"""What the twelve-lead sets of the 2020 and 2021 challenges have in common.

Each record is a header and a MATLAB level-4 matrix of int16; the header's comments hold age, sex
and diagnoses as SNOMED CT codes (``#Dx: 164889003,59118001``).
"""

from typing import Any

from ecglab.data.readers.physionet import PhysioNetDataset, by_stem
from ecglab.data.readers.wfdb_files import LEADS_12, Header

CHALLENGE_2020 = (
    "Perez Alday EA et al. Classification of 12-lead ECGs: the PhysioNet/Computing in Cardiology "
    "Challenge 2020. Physiological Measurement 41:124003, 2020. doi:10.1088/1361-6579/abc960"
)
CHALLENGE_2021 = (
    "Reyna MA et al. Will two do? Varying dimensions in electrocardiography: the PhysioNet/"
    "Computing in Cardiology Challenge 2021. Computing in Cardiology 48, 2021. "
    "doi:10.23919/CinC53138.2021.9662687"
)


class Challenge12(PhysioNetDataset):
    """A folder ``training/<part>/g*/`` of twelve-lead records.

    ``codes`` are all diagnoses of a record, ``labels`` the classes of those that the label map
    knows: none, one, or several. ``meta`` holds age (None where the header says NaN) and sex.
    """

    part: str  # folder below training/
    rates = (500,)
    leads = LEADS_12
    licence = "CC BY 4.0"
    total_subjects = None

    def _find_headers(self) -> dict[str, str]:
        return by_stem((self.root / "training" / self.part).rglob("*.hea"))

    def _details(self, id: str, header: Header, n_samples: int) -> dict[str, Any]:
        codes = tuple(code.strip() for code in header.comment("Dx").split(",") if code.strip())
        present = {self.label_map.get(code) for code in codes}
        return {
            "codes": codes,
            "labels": tuple(name for name in self.classes if name in present),
            "meta": {
                "age": age_in_years(header.comment("Age")),
                "sex": header.comment("Sex").lower() or None,
            },
        }

    @classmethod
    def _stem(cls, path: str, rate: int) -> str | None:
        stem, _, suffix = path.rpartition(".")
        is_record = stem.startswith(f"training/{cls.part}/") and suffix in ("hea", "mat")
        return stem if is_record else None


def age_in_years(text: str) -> float | None:
    """An age as written in a header; None for ``NaN``, ``n/a`` and the like.

    >>> age_in_years("74"), age_in_years("NaN"), age_in_years("")
    (74.0, None, None)
    """
    try:
        age = float(text)
    except ValueError:
        return None
    return age if 0 <= age < 130 else None
