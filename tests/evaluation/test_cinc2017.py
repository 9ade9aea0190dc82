"""The probe of CinC 2017, on simulated records: end to end, and against scores by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from ecglab.data.simulator import Simulator
from ecglab.data.splits import kfold
from ecglab.evaluation import linear_probe, load_all, save
from ecglab.evaluation.cinc2017 import (
    Vectors,
    probe_majority,
    probe_method,
    run_probes,
    run_weights,
    score,
    shared_subjects,
)
from ecglab.evaluation.cinc2017_tables import cinc2017_table
from ecglab.evaluation.semantic_tables import PAIRS, pairs_table
from ecglab.methods import DACL, METHODS, RecordFeatures, RRSpectral, SemanticAutoencoder
from ecglab.profiles import load_profile

PROFILE = load_profile("smoke")
MIX = {"N": 0.4, "A": 0.2, "O": 0.2, "~": 0.2}


@pytest.fixture(scope="module")
def records() -> Simulator:
    return Simulator(120, seed=0, mix=MIX)


@pytest.fixture(scope="module")
def baseline(records: Simulator):
    return probe_method(RRSpectral(), records, records.ids(), seed=0)


def test_scores_are_those_of_the_out_of_fold_predictions(baseline) -> None:
    result = score(baseline, dataset="simulator", profile=PROFILE)
    y, p = baseline.labels, baseline.probe.predictions
    by_class = f1_score(y, p, labels=["N", "A", "O", "~"], average=None)
    assert result.metrics["macro_f1"].value == pytest.approx(by_class.mean())
    assert result.metrics["cinc2017_score"].value == pytest.approx(by_class[:3].mean())
    assert result.metrics["f1_A"].value == pytest.approx(by_class[1])
    interval = result.metrics["macro_f1"]
    assert interval.low < interval.value < interval.high
    assert result.n == 120


def test_rhythm_features_tell_simulated_rhythms_apart(baseline) -> None:
    result = score(
        baseline,
        dataset="simulator",
        profile=PROFILE,
        against=[probe_majority(baseline.rows, seed=0)],
    )
    assert result.metrics["macro_f1"].value > 0.6
    assert result.metrics["macro_f1_over_majority"].low > 0.2


def test_a_method_compared_with_itself_differs_by_nothing(baseline) -> None:
    result = score(baseline, dataset="simulator", profile=PROFILE, against=[baseline])
    difference = result.metrics["macro_f1_over_rr-spectral"]
    assert (difference.low, difference.value, difference.high) == (0.0, 0.0, 0.0)


def test_different_records_cannot_be_compared(baseline, records: Simulator) -> None:
    fewer = probe_majority(baseline.rows.iloc[:100].reset_index(drop=True), seed=0)
    with pytest.raises(ValueError, match="different records"):
        score(baseline, dataset="simulator", profile=PROFILE, against=[fewer])


def test_every_method_of_the_registry_runs_and_is_stored(
    records: Simulator, tmp_path: Path
) -> None:
    results = list(
        run_probes(
            ["rr-spectral", "diffecg-signal", "record-features"],
            records,
            records.ids(),
            PROFILE,
            t=40,
        )
    )
    names = ["majority", "rr-spectral", "diffecg-signal", "record-features"]
    assert [r.method for r in results] == names
    assert [r.variant for r in results] == ["", "", "t40", ""], "features have no step"
    assert results[2].params["t"] == 40
    compared = [[k for k in r.metrics if k.startswith("macro_f1_over_")] for r in results]
    assert compared == [
        [],
        [],
        ["macro_f1_over_rr-spectral"],
        ["macro_f1_over_rr-spectral", "macro_f1_over_diffecg-signal"],
    ]
    gain = results[3].metrics["macro_f1_over_diffecg-signal"].value
    difference = results[3].metrics["macro_f1"].value - results[2].metrics["macro_f1"].value
    assert gain == pytest.approx(difference, abs=1e-6)
    for result in results:
        save(result, tmp_path)
    assert len(load_all(tmp_path)) == 4
    assert cinc2017_table(load_all(tmp_path)) == "_No results yet._"  # simulated is not real


def test_methods_joined_by_a_plus_are_probed_together(records: Simulator, baseline) -> None:
    name = "rr-spectral+record-features"
    _, together = run_probes([name], records, records.ids(), PROFILE)
    assert together.method == name
    parts = [m.embed_records(records, seed=0)[0] for m in (RRSpectral(), RecordFeatures())]
    assert together.params["d"] == sum(part.shape[1] for part in parts)
    folds = kfold(baseline.rows["label"], baseline.rows["subject"], k=5, seed=0)
    probe = linear_probe(np.hstack(parts), baseline.rows["label"], folds, seed=0)
    expected = f1_score(baseline.labels, probe.predictions, average="macro")
    assert together.metrics["macro_f1"].value == pytest.approx(expected, abs=1e-6)

    class Fewer(RRSpectral):
        def embed_records(self, *args, **options):
            vectors, rows = super().embed_records(*args, **options)
            return vectors[1:], rows[1:]

    with pytest.raises(ValueError, match="rr-spectral, rr-spectral read different records"):
        probe_method(RRSpectral(), records, records.ids(), seed=0, beside=[Fewer()])


@pytest.mark.parametrize(
    "name", [n for n, m in METHODS.items() if "embed" in m.supports() and not m.needs_labels]
)
def test_vectors_are_computed_once_unless_noise_is_drawn(name: str, records: Simulator) -> None:
    cls, few = METHODS[name], records.ids()[:4]
    parts = [METHODS[part].for_profile(PROFILE) for part in cls.made_of]
    method = cls(*parts) if parts else cls.for_profile(PROFILE)
    vectors = Vectors(records, few)
    first, rows = vectors.of(method, seed=0)
    assert vectors.of(method, seed=0)[0] is first
    assert list(rows["record"]) == few
    other, again = vectors.of(method, seed=1)[0], method.embed_records(records, few, seed=1)[0]
    assert np.array_equal(other, again), "a seed that matters must not be forgotten"
    assert (other is first) != cls.draws
    assert np.array_equal(first, other) != cls.draws


def test_weights_of_ones_own_are_compared_with_the_first(
    records: Simulator, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("rate-100hz", "rate-300hz")]
    for seed, folder in enumerate(folders):
        method = SemanticAutoencoder.for_profile(PROFILE, seed=seed)
        method.save(folder, steps=6 + seed, batch_size=16)
    first, second = run_weights(folders, records, records.ids(), PROFILE)
    assert [first.variant, second.variant] == ["rate-100hz", "rate-300hz"]
    assert second.params["card"] == {"steps": 7, "batch_size": 16}
    assert "macro_f1_over_rate-100hz" not in first.metrics
    gain = second.metrics["macro_f1_over_rate-100hz"].value
    value = second.metrics["macro_f1"].value - first.metrics["macro_f1"].value
    assert gain == pytest.approx(value, abs=1e-6)
    assert gain != 0
    shown = pairs_table([first, second], "corpora", profile="smoke").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown[2:]]
    lines = dict(zip(PAIRS["corpora"][1], cells, strict=True))
    assert lines["corpus-all"][1:] == ["—"] * 4, "a run that was not made is missing"
    assert lines["rate-100hz"][1::3] == ["6 at batch 16", "—"], "the first has no rival"
    assert lines["rate-300hz"][-1].startswith(f"{gain:.3f} [")
    assert pairs_table([first, second], "objectives", profile="smoke") == "_No results yet._"
    pair = [replace(first, variant="objective-noise"), replace(second, variant="objective-v")]
    shown = pairs_table(pair, "objectives", profile="smoke").splitlines()
    lines = dict(zip(PAIRS["objectives"][1], shown[2:], strict=True))
    for result in pair:
        assert f"{result.metrics['macro_f1'].value:.3f} [" in lines[result.variant]
    with pytest.raises(ValueError, match="names must differ"):
        next(run_weights([folders[0], folders[0]], records, records.ids(), PROFILE))
    with pytest.raises(ValueError, match="no weights of a method"):
        next(run_weights([tmp_path], records, records.ids(), PROFILE))


def test_the_table_shows_this_protocol_only(baseline) -> None:
    probed = score(baseline, dataset="cinc2017", profile=PROFILE)
    other = replace(probed, protocol="generalise-from-chapman")
    assert cinc2017_table([probed, other]) == cinc2017_table([probed]) != cinc2017_table([other])


def test_the_table_has_the_best_first(baseline) -> None:
    probed = score(baseline, dataset="cinc2017", profile=PROFILE)
    macro_f1 = probed.metrics["macro_f1"]
    better = {**probed.metrics, "macro_f1": replace(macro_f1, value=macro_f1.value + 0.01)}
    ahead = replace(probed, method="ahead", metrics=better)
    last = replace(
        probed, method="behind", metrics={**better, "macro_f1": replace(macro_f1, value=0.0)}
    )
    seeds = [probed, ahead, last, replace(probed, seed=1), replace(ahead, seed=1)]
    lines = cinc2017_table(seeds).splitlines()[2:]
    assert [line.split("|")[1].strip() for line in lines] == ["ahead", probed.method, "behind"]


@pytest.mark.real
def test_majority_on_the_real_records(physionet: Path) -> None:
    from ecglab.data.catalog import open_dataset

    dataset = open_dataset("cinc2017")
    labels = [dataset.read(i).labels[0] for i in dataset.ids()[:400]]
    share = np.mean(np.array(labels) == "N")
    import pandas as pd

    names = dataset.ids()[:400]
    rows = pd.DataFrame({"record": names, "subject": names, "label": labels})
    result = score(probe_majority(rows, seed=0), dataset="cinc2017", profile=PROFILE)
    assert result.metrics["f1_N"].value == pytest.approx(2 * share / (1 + share))
    assert result.metrics["f1_A"].value == 0.0


def test_the_inner_folds_keep_subjects_together_where_they_have_several_records() -> None:
    one, several = (Simulator(40, seed=0, records_per_subject=n, seconds=10.0) for n in (1, 4))
    rows = [RRSpectral().embed_records(source)[1] for source in (one, several)]
    assert shared_subjects(rows[0]) is None
    assert list(shared_subjects(rows[1])) == list(rows[1]["subject"])


def test_what_cannot_be_probed_is_refused_before_the_work(
    records: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs(*_: object, **__: object) -> None:
        raise AssertionError("something has run")

    monkeypatch.setattr(SemanticAutoencoder, "embed_records", runs)
    monkeypatch.setattr(DACL, "embed_records", runs)
    SemanticAutoencoder.for_profile(PROFILE).save(tmp_path / "my weights")
    with pytest.raises(ValueError, match="'my weights'"):
        next(run_weights([tmp_path / "my weights"], records, records.ids(), PROFILE))
    with pytest.raises(ValueError, match="dacl learned from labels"):
        probe_method(DACL.for_profile(PROFILE), records, records.ids(), seed=0)


def test_every_record_s_prediction_can_be_kept(records: Simulator, tmp_path: Path) -> None:
    _, plain = run_probes(
        ["rr-spectral"], records, records.ids(), PROFILE, predictions=tmp_path / "p"
    )
    (path,) = (tmp_path / "p").glob("*.csv")
    assert path.stem == Path(plain.filename).stem
    kept = pd.read_csv(path)
    assert kept["record"].tolist() == records.ids()
    assert f1_score(kept["label"], kept["prediction"], average="macro") == pytest.approx(
        plain.metrics["macro_f1"].value, abs=1e-6
    )
    assert np.allclose(kept[["p_A", "p_N", "p_O", "p_~"]].sum(axis=1), 1)
