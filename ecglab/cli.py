"""The command line: thin, over everything below."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ecglab.data.catalog import DATASETS, dataset_class
from ecglab.data.catalog import describe as describe_datasets
from ecglab.data.choose import choose
from ecglab.data.corpus import count_poster
from ecglab.data.fetch import FetchError, fetch
from ecglab.data.readers.base import Dataset
from ecglab.data.readers.folder import read_folder
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.whole import write_text
from ecglab.diffusion.extractor import NoStructure
from ecglab.diffusion.objectives import Objective
from ecglab.evaluation import load_all, save, update_readme
from ecglab.evaluation.cinc2017 import check_classes, run_probes, run_weights
from ecglab.evaluation.contrastive import SAMPLERS, run_comparison, run_few, run_noise
from ecglab.evaluation.contrastive_systems import QUESTIONS, SYSTEMS
from ecglab.evaluation.contrastive_weights import train_weights
from ecglab.evaluation.extractor_protocol import run_search
from ecglab.evaluation.generalisation import run_generalisation
from ecglab.evaluation.label_efficiency import run_label_efficiency
from ecglab.evaluation.pages import FRONT, RESULTS
from ecglab.evaluation.personal import CannotPersonalise, Strategy
from ecglab.evaluation.personalisation import ALL_STRATEGIES, run_personalisation
from ecglab.evaluation.results import NAME
from ecglab.evaluation.semantic_ablation import VARIANTS, run_ablation
from ecglab.evaluation.tables import frame, write_table
from ecglab.evaluation.tasks import CannotGeneralise, check_disjoint
from ecglab.methods import METHODS, describe_methods, get_method, pretrained
from ecglab.methods import pretrain as run_pretraining
from ecglab.methods.base import Unsupported
from ecglab.nn.semantic import Body
from ecglab.profiles import Profile, load_profile
from ecglab.training import TrainingDiverged

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
data_app = typer.Typer(no_args_is_help=True, help="Fetch data sets from PhysioNet.")
app.add_typer(data_app, name="data")
notebooks_app = typer.Typer(no_args_is_help=True, help="Run the course, and derive its files.")
app.add_typer(notebooks_app, name="notebooks")

ProfileOption = Annotated[str, typer.Option(help="smoke, laptop, gpu or paper")]
DatasetOption = Annotated[
    str,
    typer.Option(
        help="a data set's name, simulator, or auto; to pre-train on also several joined by +, and "
        "FOLDER@HZ for signals.npz and labels.csv of your own"
    ),
]
SeedOption = Annotated[int, typer.Option(help="source of all randomness")]
NotebooksArgument = Annotated[
    list[str] | None, typer.Argument(metavar="NAMES", help="03, a name or a path; none: all")
]
SourceOption = Annotated[Path, typer.Option(help="the folder of the notebooks' scripts")]


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="datasets or methods")],
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
) -> None:
    """List the data sets or the methods."""
    if what not in ("datasets", "methods"):
        raise typer.BadParameter(f"there are 'datasets' and 'methods', not {what!r}")
    rows = describe_datasets() if what == "datasets" else describe_methods()
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        tail = f"{row['present']}/{row['records']} here" if what == "datasets" else row["kind"]
        typer.echo(f"{row['name']:<18} {row['title']}  [{tail}]")


@data_app.command("fetch")
def data_fetch(
    names: Annotated[list[str], typer.Argument(help="names of the catalog")],
    limit: Annotated[int | None, typer.Option(help="only the first so many records")] = None,
    rate: Annotated[int | None, typer.Option(help="sampling rate, where a set has several")] = None,
) -> None:
    """Fetch data sets to ECGLAB_DATA, verified against PhysioNet's checksums."""
    for name in names:
        cls = dataset_class(name)
        try:
            report = fetch(
                cls.project,
                cls.version,
                paths=lambda listing, cls=cls: cls.needed(listing, limit=limit, rate=rate),
            )
        except FetchError as error:
            typer.echo(f"{name}: {error}", err=True)
            raise typer.Exit(1) from error
        typer.echo(f"{name}: {report}")


@data_app.command("count")
def data_count(profile: ProfileOption = "paper") -> None:
    """Count the snippets of the semantic autoencoder's published corpus, without any data."""
    counts = count_poster(METHODS["semantic-autoencoder"].for_profile(load_profile(profile)).spec)
    for name, n in counts.items():
        typer.echo(f"{name:<8} {n:>9,}")
    typer.echo(f"{'':<8} {sum(counts.values()):>9,}")


@app.command()
def pretrain(
    method: Annotated[str, typer.Argument(help="a method that can be pre-trained")],
    dataset: DatasetOption = "auto",
    profile: ProfileOption = "laptop",
    seed: SeedOption = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="in place of the profile's")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="likewise")] = None,
    lr: Annotated[float | None, typer.Option(help="likewise, the learning rate's peak")] = None,
    devices: Annotated[
        int | None, typer.Option(min=1, help="GPUs, or processes on a CPU, to share each batch")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for the weights")] = None,
    half: Annotated[bool, typer.Option(help="store 16 bits a weight, as the shipped ones")] = False,
    structure: Annotated[
        str | None, typer.Option(help="what the U-Net keeps, by the name search-extractor gives it")
    ] = None,
    objective: Annotated[
        Objective | None, typer.Option(help="of the semantic autoencoder's U-Net")
    ] = None,
    body: Annotated[
        Body | None, typer.Option(help="of its encoder: lru as published, or cnn")
    ] = None,
) -> None:
    """Pre-train a method without labels; a run that was broken off is taken up again."""
    budget = load_profile(profile)
    source, ids = choose(dataset, budget, seed=seed)
    try:
        folder = run_pretraining(
            method,
            source,
            ids,
            budget,
            seed=seed,
            steps=steps,
            batch_size=batch_size,
            lr=lr,
            devices=devices,
            out=out,
            half=half,
            structure=structure,
            objective=objective,
            body=body,
        )
    except (NoStructure, Unsupported) as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"weights in {folder}")


@app.command()
def probe(
    method: Annotated[
        list[str] | None, typer.Option(help="may be repeated; a+b: side by side; none: all")
    ] = None,
    dataset: DatasetOption = "auto",
    profile: ProfileOption = "laptop",
    t: Annotated[int | None, typer.Option(help="noise step, for diffusion encoders")] = None,
    weights: Annotated[
        list[Path] | None, typer.Option(help="a folder of weights instead; may be repeated")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder of the results")] = Path("results"),
    predictions: Annotated[Path | None, typer.Option(help="folder of all predictions")] = None,
) -> None:
    """Probe frozen embeddings on CinC 2017's four classes, beside a majority guess.

    Weights of one's own are named by their folder, and compared with the first folder's. For other
    classes, and a data set of one's own, see generalise.
    """
    if weights and (method or t is not None):
        raise typer.BadParameter("--weights brings its own methods, and their own noise steps")
    budget = load_profile(profile)
    source, ids = choose(dataset, budget)
    if weights:
        for result in run_weights(weights, source, ids, budget, predictions=predictions):
            typer.echo(f"{save(result, out)}: macro-F1 {result.metrics['macro_f1']}")
        return
    frozen = {name: cls for name, cls in METHODS.items() if not cls.needs_labels}
    every = [name for name, cls in frozen.items() if "embed" in cls.supports()]
    for result in run_probes(method or every, source, ids, budget, t=t, predictions=predictions):
        path = save(result, out)
        typer.echo(f"{path}: macro-F1 {result.metrics['macro_f1']}")


@app.command()
def labels(
    method: Annotated[list[str] | None, typer.Option(help="may be repeated")] = None,
    dataset: DatasetOption = "auto",
    profile: ProfileOption = "laptop",
    out: Annotated[Path, typer.Option(help="folder of the results")] = Path("results"),
) -> None:
    """Embeddings under 1, 10 and 100 % of the labels, beside a network trained with them alone."""
    budget = load_profile(profile)
    source, ids = choose(dataset, budget)
    names = method or ["rr-spectral", "semantic-autoencoder", "supervised-encoder"]
    for result in run_label_efficiency(names, source, ids, budget):
        path = save(result, out)
        typer.echo(f"{path}: macro-F1 {result.metrics['macro_f1']}")


@app.command()
def ablate(
    corpus: Annotated[
        str, typer.Option(help="data sets to train on, joined by +; FOLDER@HZ for your own")
    ],
    variant: Annotated[
        list[str] | None, typer.Option(help="may be repeated, full goes with each; none: all")
    ] = None,
    dataset: DatasetOption = "auto",
    profile: ProfileOption = "laptop",
    seed: SeedOption = 0,
    out: Annotated[Path, typer.Option(help="folder of the results")] = Path("results"),
) -> None:
    """The semantic autoencoder with its LRU or its Attention Reducer exchanged, probed in pairs."""
    budget = load_profile(profile)
    runs = run_ablation(
        choose(corpus, budget), choose(dataset, budget), budget,
        names=variant or tuple(VARIANTS), seed=seed,
    )  # fmt: skip
    for result in runs:
        typer.echo(f"{save(result, out)}: macro-F1 {result.metrics['macro_f1']}")


@app.command()
def dacl(
    part: Annotated[str, typer.Argument(help="compare, noise, few or train")],
    question: Annotated[list[str] | None, typer.Option(help="may be repeated; none: all")] = None,
    dataset: DatasetOption = "auto",
    profile: ProfileOption = "laptop",
    seed: Annotated[list[int] | None, typer.Option(help="may be repeated")] = None,
    rhythm: Annotated[
        bool, typer.Option(help="compare, train: features with periodicity, the early steps only")
    ] = False,
    system: Annotated[
        list[str] | None, typer.Option(help="compare, noise, few: may be repeated; none: all")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder of the results; for train, of the weights")
    ] = None,
) -> None:
    """DACL against its baselines: AUROC by record, under noise, with few labels; or its weights."""
    budget = load_profile(profile)
    if unknown := sorted(set(question or ()) - set(QUESTIONS)):
        raise typer.BadParameter(f"no question {unknown}; there are {', '.join(QUESTIONS)}")
    if part == "train" and (out is None or len(question or ()) > 1 or len(seed or ()) > 1):
        raise typer.BadParameter("train takes --out, and one --question and one --seed at most")
    out = out or Path("results")
    run: tuple[Dataset, list[str], Profile] = (*choose(dataset, budget), budget)
    check_classes(run[0])
    asked, some = question or list(QUESTIONS), system or list(SYSTEMS)
    if strangers := sorted(set(some) - set(SYSTEMS)):
        raise typer.BadParameter(f"no system {strangers}; there are {', '.join(SYSTEMS)}")
    if part == "train":
        score = train_weights(*run, out, question=asked[0], rhythm=rhythm, seed=(seed or [0])[0])
        typer.echo(f"weights in {out}: AUROC {score}")
        return
    if part not in ("compare", "noise", "few"):
        raise typer.BadParameter(f"there are compare, noise, few and train, not {part!r}")
    if rhythm and part != "compare":
        raise typer.BadParameter(f"--rhythm goes with compare and train, not with {part}")
    if part == "compare":
        samplers = () if rhythm else SAMPLERS
        runs = run_comparison(
            *run, questions=asked, systems=some, samplers=samplers, rhythm=rhythm, seeds=seed
        )
    elif part == "noise":
        every = ((q, s) for q in asked for s in seed or [0])
        runs = (r for q, s in every for r in run_noise(*run, question=q, systems=some, seed=s))
    else:
        draws = seed or range(5)
        runs = (r for q in asked for r in run_few(*run, question=q, systems=some, seeds=draws))
    for result in runs:
        typer.echo(f"{save(result, out)}: AUROC {result.metrics['auroc']}")


@app.command()
def generalise(
    source: Annotated[str, typer.Option(help="the data set to pre-train on")],
    target: Annotated[list[str], typer.Option(help="to fine-tune and test on; may be repeated")],
    method: Annotated[list[str] | None, typer.Option(help="may be repeated; none: all")] = None,
    profile: ProfileOption = "laptop",
    rarest: Annotated[
        bool, typer.Option(help="give records of several classes the rarest")
    ] = False,
    linear: Annotated[
        bool, typer.Option(help="logistic regression in place of a method's own classifier")
    ] = False,
    fs: Annotated[float, typer.Option(help="Hz, of a target that is a folder")] = 0.0,
    label: Annotated[str, typer.Option(help="column to tell apart in a folder's table")] = "label",
    scale: Annotated[float, typer.Option(help="mV per unit in a folder's signals")] = 1.0,
    out: Annotated[Path, typer.Option(help="folder of the results")] = Path("results"),
    predictions: Annotated[Path | None, typer.Option(help="folder of all predictions")] = None,
) -> None:
    """Pre-train on one set, fine-tune on 20 % of another's subjects, test on the rest.

    A target is a data set's name, or a folder of your own with signals.npz and labels.csv.
    """
    for name in target:
        if Path(name).is_dir() and not NAME.fullmatch(Path(name).resolve().name):
            raise typer.BadParameter(f"{name}: a folder's name has letters, digits and .+=-_ only")
    budget = load_profile(profile)
    origin, failed = choose(source, budget), False
    goals: list[tuple[Dataset, list[str]]] = []
    for name in target:  # all of them first: a wrong name is not to be found out after hours
        if name not in DATASETS and Path(name).is_dir():
            own = read_folder(name, fs=fs, label=label, scale=scale)
            goals.append((own, own.ids()[: budget.limit]))
        else:
            goals.append(choose(name, budget))
    for goal in goals:
        runs = run_generalisation(
            method or list(METHODS),
            origin,
            goal,
            budget,
            several="rarest" if rarest else "drop",
            linear=linear,
            predictions=predictions,
        )
        try:
            for result in runs:
                typer.echo(f"{save(result, out)}: macro-F1 {result.metrics['macro_f1']}")
        except CannotGeneralise as error:  # the other targets may do
            typer.echo(str(error), err=True)
            failed = True
    if failed:
        raise typer.Exit(1)


@app.command()
def personalise(
    dataset: Annotated[str, typer.Option(help="a set with annotated rhythms")] = "mitbih",
    source: Annotated[str, typer.Option(help="the data set to pre-train on")] = "cinc2017",
    method: Annotated[list[str] | None, typer.Option(help="may be repeated")] = None,
    profile: ProfileOption = "laptop",
    t: Annotated[int | None, typer.Option(help="only this step, no search")] = None,
    chronological: Annotated[
        bool, typer.Option(help="the first windows personalise, not random ones")
    ] = False,
    fraction: Annotated[float, typer.Option(help="share of windows that personalise")] = 0.1,
    out: Annotated[Path, typer.Option(help="folder of the results")] = Path("results"),
) -> None:
    """Personalise on a tenth of each subject's windows, test on the rest: t fixed and searched."""
    names = method or ["diffecg"]
    for name in names:  # a wrong one is not to be found out after hours
        get_method(name)
    budget = load_profile(profile)
    origin, origin_ids = choose(source, budget)
    target, ids = choose(dataset, budget)
    try:
        check_disjoint(origin, target)  # before hours of pre-training
        for name in names:
            runs = run_personalisation(
                pretrained(name, origin, origin_ids, budget, only_source=True),
                target,
                budget,
                ids=ids,
                strategies=ALL_STRATEGIES if t is None else [Strategy(t=t)],
                order="chronological" if chronological else "random",
                fraction=fraction,
                source=(origin, origin_ids),
            )
            for result, _ in runs:
                typer.echo(f"{save(result, out)}: F1 {result.metrics['f1']}")
    except (CannotPersonalise, CannotGeneralise) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


@app.command("search-extractor")
def search_extractor(
    method: Annotated[str, typer.Argument(help="a diffusion model")] = "diffecg-signal",
    dataset: DatasetOption = "auto",
    profile: ProfileOption = "laptop",
    records: Annotated[int, typer.Option(help="half to search on, half to test on")] = 1600,
    reads: Annotated[str, typer.Option(help="last or all: which maps the probe reads")] = "last",
    seed: SeedOption = 0,
    out: Annotated[Path, typer.Option(help="folder of the results")] = Path("results"),
) -> None:
    """Search a trained U-Net for its best feature extractor (DiffECG, section 3.2)."""
    if reads not in ("last", "all"):
        raise typer.BadParameter(f"reads is 'last' or 'all', not {reads!r}")
    budget = load_profile(profile)
    source, ids = choose(dataset, budget, seed=seed)
    report = run_search(
        method,
        source,
        ids,
        budget,
        records=records,
        reads="all" if reads == "all" else "last",
        seed=seed,
        verbose=True,
    )
    for result in report.results:
        save(result, out)
        score = result.metrics["macro_f1"]
        typer.echo(f"{result.protocol} {result.variant} {result.params['roles']}: {score}")
    stem = f"extractor-search__{source.name}__{method}__{reads}__{profile}__seed{seed}"
    for tail, table in {"": report.table, "__path": report.path}.items():
        text = table.round(6).to_csv(index=False, lineterminator="\n")
        write_text(out / f"{stem}{tail}.csv", text)


@app.command()
def results(
    folder: Annotated[Path, typer.Option(help="where the results lie")] = Path("results"),
    readme: Annotated[Path, typer.Option(help="the page that shows them")] = Path("README.md"),
    profile: Annotated[str, typer.Option(help="whose runs the folder's own page shows")] = "laptop",
    check: Annotated[bool, typer.Option("--check", help="only say whether it is stale")] = False,
    export: Annotated[
        Path | None, typer.Option(help="instead: every score of every run, as a .csv, .md or .tex")
    ] = None,
) -> None:
    """Put the results' tables into the README, and the results' own page where there is one."""
    load_profile(profile)  # a wrong name would show no results, and wipe the page
    every, own = load_all(folder), folder / "README.md"
    if export is not None:
        typer.echo(write_table(frame(every), export))
        return
    tables = [(readme, marker, table(every)) for marker, table in FRONT.items()]
    if own.exists():
        tables += [(own, m, table(every, profile=profile)) for m, table in RESULTS.items()]
    stale = [page for page, *place in tables if update_readme(page, *place, check=check)]
    if check and stale:
        typer.echo(f"{stale[0]}: its table is not that of {folder}; run `ecglab results`")
        raise typer.Exit(1)


@notebooks_app.command("run")
def notebooks_run(
    names: NotebooksArgument = None,
    profile: ProfileOption = "laptop",
    dataset: DatasetOption = "auto",
    seed: SeedOption = 0,
    jobs: Annotated[int, typer.Option(help="notebooks at one time")] = 1,
    output: Annotated[Path, typer.Option(help="folder of all results")] = Path("build"),
    source: SourceOption = Path("notebooks"),
    timeout: Annotated[int | None, typer.Option(help="seconds per cell; else by profile")] = None,
) -> None:
    """Execute notebooks headlessly; one that fails is named and does not stop the others."""
    from ecglab.course import run, summary  # Jupyter's libraries, which no other command needs

    try:
        outcomes = run(
            names,
            profile=profile,
            dataset=dataset,
            seed=seed,
            jobs=jobs,
            output=output,
            source=source,
            timeout=timeout,
            say=typer.echo,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"\n{summary(outcomes)}")
    if not all(outcome.ok for outcome in outcomes):
        raise typer.Exit(1)


@notebooks_app.command("sync")
def notebooks_sync(
    check: Annotated[bool, typer.Option("--check", help="write nothing; fail on drift")] = False,
    source: SourceOption = Path("notebooks"),
) -> None:
    """Derive each .ipynb from its script, without outputs."""
    from ecglab.course import NotebookError, sync

    try:
        faults = sync(source, check=check)
    except NotebookError as error:
        raise typer.BadParameter(str(error)) from error
    for path, fault in faults.items():
        typer.echo(f"{path}: {fault}")
    if check and faults:
        typer.echo("run `ecglab notebooks sync` (the script is what counts)")
        raise typer.Exit(1)


@notebooks_app.command("exercises")
def notebooks_exercises(
    names: NotebooksArgument = None,
    output: Annotated[Path, typer.Option(help="where to write")] = Path("build/exercises"),
    source: SourceOption = Path("notebooks"),
) -> None:
    """Write the hand-out version: solutions become stubs for the learner."""
    from ecglab.course import NotebookError, make_exercises

    try:
        written = make_exercises(names, output=output, source=source)
    except NotebookError as error:
        raise typer.BadParameter(str(error)) from error
    for path in written:
        typer.echo(path)


@notebooks_app.command("list")
def notebooks_list(
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
    source: SourceOption = Path("notebooks"),
) -> None:
    """List the notebooks: title, minutes on a laptop, number of exercises."""
    from ecglab.course import NotebookError, describe_source, find_sources

    try:
        rows = [asdict(describe_source(script)) for script in find_sources(None, source)]
    except NotebookError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        minutes = "?" if row["minutes"] is None else row["minutes"]
        tail = f"[{minutes} min, {row['exercises']} exercises]"
        typer.echo(f"{row['name']:<28} {row['title']}  {tail}")


def main() -> None:
    """Run the command line; a missing data set or a wrong argument is a message, no traceback."""
    try:
        app()
    except (DataNotFound, FileNotFoundError, TrainingDiverged, Unsupported, ValueError) as error:
        raise SystemExit(f"ecglab: {error}") from error
