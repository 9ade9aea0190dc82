"""CPSC 2018: twelve-lead hospital recordings of 6 to 144 s in nine classes, some in several."""

from ecglab.data.readers.base import LabelRow, as_map
from ecglab.data.readers.challenge12 import CHALLENGE_2020, Challenge12

LABELS = (  # records in the whole set; 476 of 6,877 carry more than one
    LabelRow("426783006", "NSR", "sinus rhythm"),  # 918
    LabelRow("164889003", "AF", "atrial fibrillation"),  # 1,221
    LabelRow("270492004", "IAVB", "first-degree atrioventricular block"),  # 722
    LabelRow("164909002", "LBBB", "left bundle branch block"),  # 236
    LabelRow("59118001", "RBBB", "right bundle branch block"),  # 1,857
    LabelRow("284470004", "PAC", "premature atrial contraction"),  # 616
    LabelRow("164884008", "PVC", "ventricular ectopics"),  # 700
    LabelRow("429622005", "STD", "ST depression"),  # 869
    LabelRow("164931005", "STE", "ST elevation"),  # 220
)


class CPSC2018(Challenge12):
    """China Physiological Signal Challenge 2018, its public training set."""

    name, part = "cpsc2018", "cpsc_2018"
    title = "China Physiological Signal Challenge 2018"
    project, version = "challenge-2020", "1.0.2"
    classes = ("NSR", "AF", "IAVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
    label_map = as_map(LABELS)
    citation = (
        "Liu F et al. An open access database for evaluating the algorithms of electrocardiogram "
        "rhythm and morphology abnormality detection. Journal of Medical Imaging and Health "
        f"Informatics 8(7):1368-1373, 2018. doi:10.1166/jmihi.2018.2442; {CHALLENGE_2020}"
    )
    total_records = 6877


class CPSC2018Extra(CPSC2018):
    """The unused data of the same challenge, of other diagnoses.

    Its labels come from the same nine classes, so that most of its records have none.
    """

    name, part = "cpsc2018_extra", "cpsc_2018_extra"
    title = "China Physiological Signal Challenge 2018, unused data"
    total_records = 3453
