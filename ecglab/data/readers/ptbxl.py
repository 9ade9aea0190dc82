"""PTB-XL: twelve leads, ten seconds, several diagnoses a record, ten official folds."""

import ast
import csv
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ecglab.data.readers.base import as_map
from ecglab.data.readers.physionet import PhysioNetDataset
from ecglab.data.readers.scp_codes import DIAGNOSES, FORMS, RHYTHMS
from ecglab.data.readers.wfdb_files import LEADS_12, Header

TABLE, STATEMENTS = "ptbxl_database.csv", "scp_statements.csv"
RHYTHM_CODES = frozenset(row.code for row in RHYTHMS)


class PTBXL(PhysioNetDataset):
    """PTB-XL at 100 Hz (``rate=100``, the default) or 500 Hz.

    ``codes`` are all of a record's SCP statements and ``labels`` their diagnostic superclasses,
    whatever the stated likelihood, as in the data set's own example; some records have none, many
    have several. ``meta`` holds ``fold`` (1 to 10: train on 1-8, validate on 9, test on 10),
    ``rhythms`` (the rhythm statements), ``afib`` (whether AFIB is one of them), ``likelihoods``
    (statement -> percent, 0 where not known), ``age`` (None where unknown or, written as 300, above
    89) and ``sex``.
    """

    name = "ptbxl"
    title = "PTB-XL"
    project, version = "ptb-xl", "1.0.3"
    rates = (100, 500)
    leads = LEADS_12
    classes = ("NORM", "MI", "STTC", "CD", "HYP")
    label_map = as_map((*DIAGNOSES, *RHYTHMS, *FORMS))
    licence = "CC BY 4.0"
    citation = (
        "Wagner P et al. PTB-XL, a large publicly available electrocardiography dataset. "
        "Scientific Data 7:154, 2020. doi:10.1038/s41597-020-0495-6"
    )
    total_records, total_subjects = 21799, 18869
    tables = (TABLE, STATEMENTS)

    @cached_property
    def _table(self) -> Mapping[str, Mapping[str, str]]:
        path = self.root / TABLE
        if not path.is_file():
            raise self._not_found(f"no {path}")
        with path.open(newline="", encoding="utf-8") as file:
            return {row["ecg_id"]: row for row in csv.DictReader(file)}

    def _find_headers(self) -> dict[str, str]:
        column = "filename_lr" if self.rate == 100 else "filename_hr"
        paths = {id_: self.root / f"{row[column]}.hea" for id_, row in self._table.items()}
        return {id_: str(path) for id_, path in paths.items() if path.is_file()}

    def _details(self, id: str, header: Header, n_samples: int) -> dict[str, Any]:
        row = self._table[id]
        likelihoods: dict[str, float] = ast.literal_eval(row["scp_codes"])
        present = {self.label_map.get(code) for code in likelihoods}
        age = float(row["age"]) if row["age"] else None
        return {
            "subject": str(int(float(row["patient_id"]))),  # written as 15709.0
            "codes": tuple(likelihoods),
            "labels": tuple(name for name in self.classes if name in present),
            "meta": {
                "fold": int(row["strat_fold"]),
                "rhythms": tuple(code for code in likelihoods if code in RHYTHM_CODES),
                "afib": "AFIB" in likelihoods,
                "likelihoods": likelihoods,
                "age": None if age == 300 else age,
                "sex": {"0": "male", "1": "female"}.get(row["sex"]),
            },
        }

    @classmethod
    def _stem(cls, path: str, rate: int) -> str | None:
        stem, _, suffix = path.rpartition(".")
        is_record = stem.startswith(f"records{rate}/") and suffix in ("hea", "dat")
        return stem if is_record else None
