"""Georgia, Chapman-Shaoxing and Ningbo: twelve-lead, ten seconds, four groups of rhythms."""

from ecglab.data.readers.base import LabelRow, as_map
from ecglab.data.readers.challenge12 import CHALLENGE_2020, CHALLENGE_2021, Challenge12

# The eleven rhythms of Chapman-Shaoxing merged into four as its authors did (Zheng et al. 2020).
# Codes that name no rhythm (blocks, ectopic beats, ST changes) are in no group, and so are the
# rhythms listed last, which the authors did not group: such records have codes, but no label.
LABELS = (
    LabelRow("164889003", "AFIB", "atrial fibrillation"),
    LabelRow("164890007", "AFIB", "atrial flutter"),
    LabelRow("195080001", "AFIB", "atrial fibrillation and flutter"),
    LabelRow("426783006", "SR", "sinus rhythm"),
    LabelRow("427393009", "SR", "sinus arrhythmia (irregularity)"),
    LabelRow("426177001", "SB", "sinus bradycardia"),
    LabelRow("427084000", "GSVT", "sinus tachycardia"),
    LabelRow("426761007", "GSVT", "supraventricular tachycardia"),
    LabelRow("67198005", "GSVT", "paroxysmal supraventricular tachycardia"),
    LabelRow("713422000", "GSVT", "atrial tachycardia"),
    LabelRow("251166008", "GSVT", "atrioventricular node re-entrant tachycardia"),
    LabelRow("233897008", "GSVT", "atrioventricular re-entrant tachycardia"),
    LabelRow("17366009", "GSVT", "sinus atrium to atrial wandering rhythm"),
    LabelRow("195101003", None, "wandering atrial pacemaker"),
    LabelRow("106068003", None, "atrial rhythm"),
    LabelRow("29320008", None, "atrioventricular junctional rhythm"),
    LabelRow("426664006", None, "accelerated junctional rhythm"),
    LabelRow("426648003", None, "junctional tachycardia"),
    LabelRow("426627000", None, "bradycardia, not said which"),
    LabelRow("10370003", None, "pacing rhythm"),
    LabelRow("164896001", None, "ventricular fibrillation"),
    LabelRow("425856008", None, "paroxysmal ventricular tachycardia"),
)


class Georgia(Challenge12):
    """The Georgia 12-lead ECG challenge database (US), 5 to 10 s."""

    name, part = "georgia", "georgia"
    title = "Georgia 12-lead ECG Challenge Database"
    project, version = "challenge-2020", "1.0.2"
    classes = ("AFIB", "SR", "SB", "GSVT")
    label_map = as_map(LABELS)
    citation = CHALLENGE_2020
    total_records = 10344


class Chapman(Challenge12):
    """Chapman University and Shaoxing People's Hospital, 10 s, in the 2021 challenge's version."""

    name, part = "chapman", "chapman_shaoxing"
    title = "Chapman-Shaoxing 12-lead ECG database"
    project, version = "challenge-2021", "1.0.3"
    classes = ("AFIB", "SR", "SB", "GSVT")
    label_map = as_map(LABELS)
    citation = (
        "Zheng J et al. A 12-lead electrocardiogram database for arrhythmia research covering more "
        f"than 10,000 patients. Scientific Data 7:48, 2020. doi:10.1038/s41597-020-0386-x; "
        f"{CHALLENGE_2021}"
    )
    total_records = 10247


class Ningbo(Challenge12):
    """Ningbo First Hospital, 10 s, in the 2021 challenge's version."""

    name, part = "ningbo", "ningbo"
    title = "Ningbo 12-lead ECG database"
    project, version = "challenge-2021", "1.0.3"
    classes = ("AFIB", "SR", "SB", "GSVT")
    label_map = as_map(LABELS)
    citation = (
        "Zheng J et al. Optimal multi-stage arrhythmia classification approach. Scientific Reports "
        f"10:2898, 2020. doi:10.1038/s41598-020-59821-7; {CHALLENGE_2021}"
    )
    total_records = 34905
