"""The command line: each command parses, calls one public function and prints what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

import timbrespace

app = App(
    name="timbrespace",
    help="Turn a folder of sounds into a timbre space, and the space into an instrument.",
    version=timbrespace.__version__,
    help_format="plaintext",
)

bench = App(name="bench", help="Compare models, measured alike.", help_format="plaintext")
data_sets = App(name="data", help="Data sets that are known by name.", help_format="plaintext")
app.command(bench)
app.command(data_sets)

Out = Annotated[Path, Parameter(name=["--out", "-o"], help="Where to write.")]
Force = Annotated[bool, Parameter(negative="", help="Replace what is there.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document.")]
Seed = Annotated[int, Parameter(help="Every random number follows from it.")]
Settings = Annotated[
    list[str] | None,
    Parameter(name="--set", negative="", consume_multiple=False, help="Override, as in model.bottleneck.latent_dim=8."),
]


@app.command
def demo(
    *,
    out: Out = Path("demo"),
    minutes: float = 2.0,
    seed: Seed = 0,
    play: Annotated[bool, Parameter(help="Open the instrument at the end, where there is a terminal.")] = True,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Train a small space on sounds made here, write a report, and open the instrument."""
    from timbrespace.evaluation.demo import run_demo

    result = run_demo(out, minutes=minutes, seed=seed, force=force)
    here = play and sys.stdout.isatty() and not as_json
    again = "" if here else f"; play the space with: timbrespace play {result['model']}"
    _print(result, f"Open {result['report']} in a browser{again}.", as_json)
    if here:
        _play(Path(result["model"]), seed=seed)


@app.command
def explore(
    model: Path,
    /,
    *,
    data: Path,
    out: Out,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show and play what a space holds: one page to read in a browser, its numbers beside it."""
    from timbrespace.evaluation.explore import explore as run
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    found = run(model, data, out, seed=seed, force=force, progress=_Stages())
    _print(found, f"Open {found['report']} in a browser.", as_json)


@app.command
def doctor(*, as_json: AsJson = False) -> None:
    """Check this machine: versions, cores, memory, formats, speed."""
    from timbrespace.evaluation.doctor import examine

    found = examine()
    _print(found, "\n".join(f"{k:<16} {v}" for k, v in found.items()), as_json)


@app.command
def recipes(name: str | None = None, /, *, as_json: AsJson = False) -> None:
    """List the recipes, or print one to copy and change."""
    from timbrespace.training.recipe import read_recipe, recipe_names, recipe_text

    if name is not None:
        _print({"name": name, "toml": recipe_text(name)}, recipe_text(name), as_json)
        return
    found = {n: read_recipe(n).description for n in recipe_names()}
    _print(found, "\n\n".join(f"{n}\n  {d}".replace("\n", "\n  ") for n, d in found.items()), as_json)


@app.command
def train(
    recipe: str,
    /,
    *,
    data: Annotated[str, Parameter(help="A folder; for pictures also mnist, fashion or digits.")],
    out: Out,
    minutes: float | None = None,
    epochs: float | None = None,
    seed: Seed = 0,
    device: Literal["cpu", "cuda"] = "cpu",
    settings: Settings = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Train RECIPE on the sounds (or pictures) in a folder; Ctrl-C saves, 'resume' goes on."""
    from timbrespace.training.run import train as run

    codec = run(
        recipe, data, out=out, minutes=minutes, epochs=epochs, seed=seed, device=device, settings=settings or (),
        force=force, progress=_progress,
    )  # fmt: skip
    _print_model(codec, as_json)


@app.command
def resume(model: Path, /, *, force: Force = False, as_json: AsJson = False) -> None:
    """Go on with an interrupted training, exactly where it stopped."""
    from timbrespace.training.run import resume as run

    _print_model(run(model, force=force, progress=_progress), as_json)


@app.command
def info(model: Path, /, *, as_json: AsJson = False) -> None:
    """What a trained model is, and how well it does."""
    _print_model(timbrespace.load(model), as_json)


@app.command
def encode(model: Path, audio: Path, /, *, out: Out, force: Force = False, as_json: AsJson = False) -> None:
    """Write the latents of a sound as .npz (latents, rate_hz, length)."""
    from timbrespace.codecs.rendering import encode_file

    stored = encode_file(_load(model), audio, out, force=force)
    _, dims, steps = stored.latents.shape
    _print({"out": str(out), "latents": dims, "steps": steps}, f"{out}: {steps} steps of {dims} latents", as_json)


@app.command
def decode(model: Path, latents: Path, /, *, out: Out, force: Force = False, as_json: AsJson = False) -> None:
    """Write the sound of latents from an .npz file."""
    from timbrespace.codecs.rendering import decode_file

    _print_sound(out, decode_file(_load(model), latents, out, force=force), as_json)


@app.command
def resynth(model: Path, audio: Path, /, *, out: Out, force: Force = False, as_json: AsJson = False) -> None:
    """Write a sound as the model rebuilds it."""
    from timbrespace.codecs.rendering import resynth_file

    _print_sound(out, resynth_file(_load(model), audio, out, force=force), as_json)


@app.command
def path(
    model: Path,
    kind: Literal["line", "slerp", "walk"],
    /,
    *,
    out: Out,
    start: Annotated[Path | None, Parameter(name="--from", help="Recording where the path begins.")] = None,
    end: Annotated[Path | None, Parameter(name="--to", help="Recording where it ends.")] = None,
    seconds: float = 8.0,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Travel through the space and write what is heard on the way."""
    from timbrespace.codecs.rendering import make_path, render_path

    codec = _load(model)
    route = make_path(codec, kind, start=start, end=end, seconds=seconds, seed=seed)
    _print_sound(out, render_path(codec, route, out, force=force), as_json)


@app.command
def play(
    model: Path | None = None,
    /,
    *,
    port: Annotated[int | None, Parameter(help="Where the page is; 8000 or the next free one if not given.")] = None,
    output: Annotated[str, Parameter(help="browser, none, or a file such as take.wav.")] = "browser",
    seconds: Annotated[float | None, Parameter(help="How long; a file needs it, else until Ctrl-C.")] = None,
    page: Annotated[bool, Parameter(name="--open", help="Open the page, where there is a screen.")] = True,
    takes: Annotated[Path, Parameter(help="The folder for recordings.")] = Path("takes"),
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Play a model: in the browser, or on its own into a file or nowhere."""
    from timbrespace.training.runtime import tune_process
    from timbrespace.web import play as playing

    tune_process(threads=1)
    chosen = playing.chosen_model(model)
    if output == "browser":
        _play(
            chosen, port=port, seconds=seconds, seed=seed, takes=takes, open_page=page and not as_json,
            as_json=as_json,
        )  # fmt: skip
        return
    status = playing.perform(chosen, output, seconds=seconds, seed=seed, force=force)
    _print(status, playing.summary(status), as_json)


@bench.command
def autoencoders(
    grid: Path,
    /,
    *,
    data: Annotated[list[str], Parameter(negative="", help="mnist, fashion, digits or a folder; may be repeated.")],
    out: Out,
    seeds: Annotated[int | None, Parameter(help="Trainings per variant; the grid's number if not given.")] = None,
    workers: Annotated[int, Parameter(help="Processes, each with one thread.")] = 1,
    slurm: Annotated[str | None, Parameter(help="Run as jobs: partition=cpu,timeout_min=120,mem_gb=8.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train and measure every variant of a grid of auto-encoders; the same command goes on where it stopped."""
    from timbrespace.evaluation.benchmark.grid import read_grid
    from timbrespace.evaluation.benchmark.publication import publish
    from timbrespace.evaluation.benchmark.runner import run_benchmark

    run_benchmark(read_grid(grid), data, out=out, seeds=seeds, workers=workers, slurm=slurm, progress=_lines)
    found = publish(out)
    failed = f"; {len(found['failed'])} failed, the same command tries them again" if found["failed"] else ""
    _print(found, f"Open {found['report']} in a browser{failed}.", as_json)


@data_sets.command
def fetch(
    name: str,
    /,
    *,
    to: Annotated[Path | None, Parameter(help="A folder; where trainings look for it if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Download a data set that is known by name, checked, to where trainings find it: mnist or fashion."""
    from timbrespace.datasets.fetching import fetch as run

    place = run(name, to, progress=_Stages())
    _print({"name": name, "folder": str(place)}, f"{name} is in {place}.", as_json)


@app.command
def sweep(
    recipe: str,
    /,
    *,
    data: str,
    search: Annotated[Path, Parameter(help="TOML: dotted settings with their ranges or choices.")],
    out: Out,
    trials: int = 20,
    measure: Annotated[str, Parameter(help="Dotted place of a number in metrics.json.")] = "validation.share",
    maximise: Annotated[bool, Parameter(negative="", help="More of the measure is better.")] = False,
    minutes: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Search RECIPE's settings by many trainings; several processes may share the folder."""
    from timbrespace.training.sweep import sweep as run

    found = run(
        recipe, data, search=search, trials=trials, out=out, measure=measure, maximise=maximise, seed=seed,
        minutes=minutes, epochs=epochs, steps=steps, progress=_lines,
    )  # fmt: skip
    _print(vars(found.best), f"{out}/best.toml: trial {found.best.number}, {found.best.value:g}", as_json)


def _play(model: Path, *, as_json: bool = False, **options: Any) -> None:
    """The instrument's page, until Ctrl-C."""
    from timbrespace.web.play import play as run

    def ready(address: str) -> None:
        _print({"url": address}, f"Play at {address}   (Ctrl-C ends)", as_json)

    run(model, ready=ready, **options)


def _load(model: Path) -> Any:
    """A trained model of sound, in a process set up for one-thread inference: small transforms lose with more."""
    from timbrespace.codecs.loading import load_sound
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    return load_sound(model)


def _print(data: dict[str, Any], text: str, as_json: bool) -> None:
    print(json.dumps(data, ensure_ascii=False) if as_json else text, flush=True)


def _print_sound(out: Path, seconds: float, as_json: bool) -> None:
    _print({"out": str(out), "seconds": seconds}, f"{out}: {seconds:.2f} s of sound", as_json)


def _print_model(codec: Any, as_json: bool) -> None:
    from timbrespace.codecs.bundle import CARD, METRICS, RECIPE

    bundle = codec.bundle
    tables = {
        "model": str(bundle.folder),
        "facts": codec.facts(),
        "recipe": bundle.table(RECIPE),
        "metrics": bundle.table(METRICS),
    }
    card = bundle.folder / CARD
    _print(tables, card.read_text(encoding="utf-8") if card.is_file() else str(bundle.folder), as_json)


def _lines(done: int, total: int, what: str) -> None:
    """One line for each part of a long work that is done."""
    print(f"{done} of {total}: {what}", file=sys.stderr, flush=True)


def _progress(done: int, total: int, what: str) -> None:
    """On a terminal a line that counts; elsewhere one line at the beginning."""
    task = "making sounds to accompany them" if what.startswith("making") else "reading sounds"
    if "images" in what or total <= 1:  # in memory within a second: nothing to tell
        return
    if sys.stderr.isatty():
        end = "\n" if done == total else "\r"
        print(f"{task}: {done} of {total}\x1b[K", end=end, file=sys.stderr, flush=True)
    elif done == 0:
        print(f"{task}, {total} in all; kept for the next time", file=sys.stderr, flush=True)


class _Stages:
    """On a terminal a line that counts; elsewhere one line per stage."""

    def __init__(self) -> None:
        self._told = ""

    def __call__(self, done: int, total: int, what: str) -> None:
        if sys.stderr.isatty():
            end = "\n" if done == total else "\r"
            print(f"{what}: {done} of {total}\x1b[K", end=end, file=sys.stderr, flush=True)
        elif what != self._told:
            print(what, file=sys.stderr, flush=True)
        self._told = what
