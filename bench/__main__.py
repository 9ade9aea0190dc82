"""Run every benchmark of this folder and print one table each."""

from importlib import import_module
from pathlib import Path

for script in sorted(Path(__file__).parent.glob("bench_*.py")):
    print(script.stem)
    for name, value in import_module(f"bench.{script.stem}").run().items():
        print(f"  {name:<44} {value}")
