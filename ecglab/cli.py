"""The command line: thin, over everything below."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ecglab.data.catalog import dataset_class
from ecglab.data.catalog import describe as describe_datasets
from ecglab.data.choose import choose
from ecglab.data.fetch import FetchError, fetch
from ecglab.data.locations import data_home
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.windows import windows
from ecglab.methods import describe_methods, get_method
from ecglab.profiles import load_profile
from ecglab.training import TrainConfig

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
data_app = typer.Typer(no_args_is_help=True, help="Fetch data sets from PhysioNet.")
app.add_typer(data_app, name="data")

ProfileOption = Annotated[str, typer.Option(help="smoke, laptop, gpu or paper")]
DatasetOption = Annotated[str, typer.Option(help="a data set's name, simulator, or auto")]
SeedOption = Annotated[int, typer.Option(help="source of all randomness")]


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
            raise typer.TyperException(str(error)) from error
        typer.echo(f"{name}: {report}")


@app.command()
def pretrain(
    method: Annotated[str, typer.Argument(help="a method that can be pre-trained")],
    dataset: DatasetOption = "auto",
    profile: ProfileOption = "laptop",
    seed: SeedOption = 0,
    out: Annotated[Path | None, typer.Option(help="folder for the weights")] = None,
) -> None:
    """Pre-train a method without labels; a run that was broken off is taken up again."""
    budget = load_profile(profile)
    source, ids = choose(dataset, budget, seed=seed)
    system = get_method(method).for_profile(budget, seed=seed)
    data = windows(source, system.spec, ids=ids)
    run = f"{method}-{source.name}-{profile}-{seed}"
    report = system.pretrain(
        data,
        config=TrainConfig.for_profile(budget, seed=seed),
        checkpoint=data_home() / "checkpoints" / f"{run}.pt",
    )
    folder = out or data_home() / "weights" / run
    system.save(
        folder,
        command=f"ecglab pretrain {method} --dataset {dataset} --profile {profile} --seed {seed}",
        data=f"{source.title}: {len(ids)} records, {len(data)} windows, labels unused",
        loss=sum(report.losses[-100:]) / len(report.losses[-100:]),
        device=report.device,
        seconds=round(report.seconds),
    )
    typer.echo(f"{len(report.losses)} steps on {report.device}; weights in {folder}")


def main() -> None:
    """Run the command line; a missing data set is a message, not a traceback."""
    try:
        app()
    except DataNotFound as error:
        raise SystemExit(f"ecglab: {error}") from error
