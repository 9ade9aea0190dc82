"""The command line, as a user meets it."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ecglab.cli import app, main
from ecglab.data.simulator import Simulator
from ecglab.evaluation.pages import RESULTS
from ecglab.methods import SemanticAutoencoder, pretrained
from ecglab.methods.pretrained import run_folder
from ecglab.profiles import load_profile

RUN = CliRunner()


def test_lists_answer_in_json() -> None:
    datasets = json.loads(RUN.invoke(app, ["list", "datasets", "--json"]).stdout)
    assert {"cinc2017", "mitbih", "ptbxl", "ltaf"} <= {row["name"] for row in datasets}
    methods = json.loads(RUN.invoke(app, ["list", "methods", "--json"]).stdout)
    assert {"diffecg-signal", "rr-spectral"} <= {row["name"] for row in methods}
    assert "PTB-XL" in RUN.invoke(app, ["list", "datasets"]).stdout


def test_an_unknown_list_is_refused() -> None:
    answer = RUN.invoke(app, ["list", "papers"])
    assert answer.exit_code == 2
    assert "papers" in answer.output


@pytest.mark.real
def test_fetch_from_a_mirror(physionet: Path, data_home: Path) -> None:
    answer = RUN.invoke(app, ["data", "fetch", "mitbih", "--limit", "1"])
    assert answer.exit_code == 0, answer.output
    assert (data_home / "mitdb/1.0.0/100.dat").stat().st_size == 1_950_000
    assert not (data_home / "mitdb/1.0.0/101.dat").exists()


def test_fetch_from_nowhere_names_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ECGLAB_PHYSIONET", str(tmp_path / "nowhere"))
    answer = RUN.invoke(app, ["data", "fetch", "mitbih"])
    assert answer.exit_code == 1
    assert "nowhere" in answer.output


def test_the_published_corpus_is_counted_without_data() -> None:
    answer = RUN.invoke(app, ["data", "count"])
    assert answer.exit_code == 0, answer.output
    assert answer.output.split() == ["ptbxl", "261,588", "mitbih", "94,560", "356,148"]


def test_records_shared_with_the_source_are_refused_before_any_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ecglab.cli.pretrained", lambda *_, **__: pytest.fail("was pre-trained"))
    same = ["personalise", "--dataset", "simulator", "--source", "simulator", "--profile", "smoke"]
    answer = RUN.invoke(app, same)
    assert answer.exit_code == 1
    assert "shares records with the source" in answer.output


@pytest.mark.parametrize("part", ["noise", "few"])
def test_rhythm_is_refused_where_it_would_be_ignored(part: str) -> None:
    answer = RUN.invoke(app, ["dacl", part, "--rhythm", "--dataset", "simulator"])
    assert answer.exit_code == 2
    assert "rhythm" in answer.output


@pytest.mark.parametrize("name", ["paper", "d1234-a1234-m2a-u0"])  # smoke's U-Net has three levels
def test_a_structure_that_is_none_is_a_message(name: str) -> None:
    small = ["--dataset", "simulator", "--profile", "smoke"]
    answer = RUN.invoke(app, ["pretrain", "diffecg-signal", *small, "--structure", name])
    assert answer.exit_code == 2
    assert name in answer.output


def test_an_objective_of_its_own_is_trained_and_kept(tmp_path: Path, data_home: Path) -> None:
    run = ["pretrain", "semantic-autoencoder", "--dataset", "simulator", "--profile", "smoke"]
    asked = ["--steps", "2", "--lr", "0.002", "--objective", "x0"]
    answer = RUN.invoke(app, [*run, *asked, "--out", str(tmp_path / "w")])
    assert answer.exit_code == 0, answer.output
    kept = json.loads((tmp_path / "w/config.json").read_text())
    assert kept["config"]["objective"] == "x0"
    assert kept["card"]["command"].endswith("--steps 2 --lr 0.002 --objective x0")
    answer = RUN.invoke(app, [*run, "--objective", "score"])
    assert answer.exit_code == 2
    assert "score" in answer.output
    other = ["pretrain", "diffecg-signal", *run[2:], "--objective", "v"]
    answer = RUN.invoke(app, other)
    assert answer.exit_code == 2
    assert "diffecg-signal has no objective" in answer.output


def test_a_body_of_its_own_is_trained_and_kept(tmp_path: Path, data_home: Path) -> None:
    run = ["pretrain", "semantic-autoencoder", "--dataset", "simulator", "--profile", "smoke"]
    asked = ["--steps", "2", "--objective", "v", "--body", "cnn"]
    answer = RUN.invoke(app, [*run, *asked])
    assert answer.exit_code == 0, answer.output
    folder = data_home / "weights/semantic-autoencoder-simulator-smoke-0-v-cnn"
    kept = json.loads((folder / "config.json").read_text())
    assert kept["config"]["encoder"]["body"] == "cnn"
    assert kept["card"]["command"].endswith("--steps 2 --objective v --body cnn")
    assert not list(folder.glob(".*")), "nothing but the two files"


def test_an_autoencoders_denoiser_may_lack_attention(data_home: Path) -> None:
    run = ["pretrain", "semantic-autoencoder", "--dataset", "simulator", "--profile", "smoke"]
    asked = ["--steps", "2", "--structure", "d123-a...-m2-u0", "--body", "cnn"]
    answer = RUN.invoke(app, [*run, *asked])
    assert answer.exit_code == 0, answer.output
    folder = data_home / "weights/semantic-autoencoder-simulator-smoke-0-d123-a...-m2-u0-cnn"
    method = SemanticAutoencoder.load(folder)
    whole = SemanticAutoencoder.for_profile(load_profile("smoke"))
    assert method.options.encoder == replace(whole.options.encoder, body="cnn")
    assert method.options.unet == replace(
        whole.options.unet, level_attention=(False,) * 3, middle_attention=False
    )
    attends = [name for name in method.network.state_dict() if "attend" in name]
    assert attends, "the expanding path is whole"
    assert all(name.startswith("up.") for name in attends)
    card = json.loads((folder / "config.json").read_text())["card"]
    assert card["command"].endswith("--steps 2 --structure d123-a...-m2-u0 --body cnn")


@pytest.mark.parametrize("more", [["--method", "rr-spectral"], ["--t", "5"]])
def test_what_weights_of_ones_own_would_ignore_is_refused(more: list[str], tmp_path: Path) -> None:
    answer = RUN.invoke(app, ["probe", "--dataset", "simulator", "--weights", str(tmp_path), *more])
    assert answer.exit_code == 2
    assert "--weights" in answer.output


def write_own(folder: Path) -> None:
    """Two records of one's own, as ``read_folder`` takes them."""
    folder.mkdir()
    signals = np.random.default_rng(0).normal(size=(2, 1, 1000)).astype(np.float32)
    np.savez(folder / "signals.npz", signals=signals, name=["a", "b"], leads=["I"])
    (folder / "labels.csv").write_text("name,label\na,X\nb,Y\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["probe", "--method", "nothing"], "no method 'nothing'"),
        (["probe", "--profile", "huge"], "unknown profile 'huge'"),
        (["probe", "--weights", "nowhere"], "no weights of a method"),
        (["probe", "--method", "supervised-encoder"], "gives no embedding"),
        (["ablate", "--corpus", "simulator", "--variant", "half"], "unknown variants"),
        (["probe", "--weights", ".", "--dataset", "{own}"], "own@300"),
        (["probe", "--dataset", "{own}@100"], r"own has other classes \(none\).*generalise"),
        (["labels", "--dataset", "{own}@100"], r"own has other classes \(none\).*generalise"),
    ],
)
def test_a_wrong_argument_is_a_message(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_own(own := tmp_path / "own")
    arguments = [a.format(own=own) for a in arguments]
    small = [] if "huge" in arguments else ["--profile", "smoke"]
    small += [] if "--dataset" in arguments else ["--dataset", "simulator"]
    monkeypatch.setattr("sys.argv", ["ecglab", *arguments, *small, "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match=f"ecglab: .*{message}"):
        main()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("generalise --source simulator --target simulator --target typo", "typo"),
        ("personalise --source simulator --method diffecg --method typo", "no method 'typo'"),
        ("pretrain diffecg-signal --dataset nowhere@300", "nowhere"),
        ("results --readme nope.md", "nope.md"),
    ],
)
def test_a_wrong_name_is_a_message_before_anything_runs(
    command: str, message: str, data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs(*_: object, **__: object) -> None:
        raise AssertionError("something has run")

    for what in ("run_generalisation", "run_personalisation", "pretrained"):
        monkeypatch.setattr(f"ecglab.cli.{what}", runs)
    monkeypatch.setattr("sys.argv", ["ecglab", *command.split()])
    with pytest.raises(SystemExit, match=f"ecglab: .*{message}"):
        main()


@pytest.mark.parametrize(
    "more", [[], ["--question", "foo", "--out", "x"], ["--seed", "1", "--seed", "2", "--out", "x"]]
)
def test_weights_of_dacl_go_where_they_are_told(more: list[str]) -> None:
    answer = RUN.invoke(app, ["dacl", "train", "--dataset", "simulator", *more])
    assert answer.exit_code == 2
    assert ("no question" if "foo" in more else "train takes --out") in answer.output


def test_a_folder_whose_name_no_result_could_have_is_refused_first(tmp_path: Path) -> None:
    (tmp_path / "my set").mkdir()
    run = ["generalise", "--source", "simulator", "--target", str(tmp_path / "my set")]
    answer = RUN.invoke(app, run)
    assert answer.exit_code == 2
    assert "my set" in answer.output


def test_weights_made_otherwise_are_not_taken_up_in_silence(data_home: Path) -> None:
    simulator, profile = Simulator(20, seed=0), load_profile("smoke")
    name = "semantic-autoencoder"
    pretrained(name, simulator, simulator.ids(), profile)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pretrained(name, simulator, simulator.ids(), profile)
    with pytest.warns(UserWarning, match="not made by the smoke profile on these records"):
        pretrained(name, simulator, simulator.ids()[:9], profile)
    with pytest.warns(UserWarning, match=r"`ecglab pretrain .*` on .* 20 records"):
        pretrained(name, simulator, simulator.ids(), replace(profile, semantic_steps=7))


def test_a_folder_without_weights_is_no_finished_run(data_home: Path) -> None:
    simulator, profile = Simulator(20, seed=0), load_profile("smoke")
    run = "semantic-autoencoder", simulator, simulator.ids(), profile
    run_folder(run[0], simulator, profile, 0).mkdir(parents=True)
    assert pretrained(*run).info.name == "semantic-autoencoder"


def test_pretrain_probe_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECGLAB_PHYSIONET", raising=False)
    small = ["--dataset", "simulator", "--profile", "smoke"]
    answer = RUN.invoke(app, ["pretrain", "diffecg-signal", *small, "--out", str(tmp_path / "w")])
    assert answer.exit_code == 0, answer.output
    card = json.loads((tmp_path / "w/config.json").read_text())["card"]
    assert card["command"].startswith("ecglab pretrain diffecg-signal --dataset simulator")
    assert (card["steps"], card["batch_size"]) == (12, 16)
    found = ["--structure", "d123-a1.3-m1-u0", "--steps", "2", "--out", str(tmp_path / "found")]
    answer = RUN.invoke(app, ["pretrain", "diffecg-signal", *small, *found])
    assert answer.exit_code == 0, answer.output
    unet = json.loads((tmp_path / "found/config.json").read_text())["config"]["unet"]
    assert (unet["level_attention"], unet["middle_blocks"]) == ([True, False, True], 1)

    results = tmp_path / "results"
    answer = RUN.invoke(app, ["probe", *small, "--method", "rr-spectral", "--out", str(results)])
    assert answer.exit_code == 0, answer.output
    assert len(list(results.glob("*.json"))) == 2
    monkeypatch.chdir(tmp_path / "w")
    mine = ["--weights", ".", "--out", str(tmp_path / "own")]
    answer = RUN.invoke(app, ["probe", *small, *mine])
    assert answer.exit_code == 0, answer.output
    assert [p.name for p in (tmp_path / "own").glob("*__diffecg-signal__w__*.json")]

    page = tmp_path / "README.md"
    page.write_text("<!-- results:cinc2017 -->\n<!-- /results:cinc2017 -->\n")
    options = ["results", "--folder", str(results), "--readme", str(page)]
    assert RUN.invoke(app, [*options, "--check"]).exit_code == 1
    assert RUN.invoke(app, options).exit_code == 0
    assert RUN.invoke(app, [*options, "--check"]).exit_code == 0
    assert RUN.invoke(app, [*options, "--export", str(tmp_path / "all.csv")]).exit_code == 0
    assert (tmp_path / "all.csv").read_text().count(",macro_f1,") == 2
    assert "No results yet" in page.read_text()
    page.write_text(before := page.read_text().replace("_No results yet._", "a table"))
    answer = RUN.invoke(app, [*options, "--profile", "hugo"])
    assert "unknown profile 'hugo'" in str(answer.exception)
    assert page.read_text() == before, "a wrong name wipes no page"

    own = results / "README.md"
    marks = [f"<!-- {slash}results:{t} -->" for t in RESULTS for slash in ("", "/")]
    own.write_text("\n".join(marks) + "\n")
    assert RUN.invoke(app, [*options, "--check"]).exit_code == 1
    assert RUN.invoke(app, options).exit_code == 0
    assert RUN.invoke(app, [*options, "--check"]).exit_code == 0
    assert "0.913 · —" in own.read_text()
