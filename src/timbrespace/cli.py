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
Trust = Annotated[bool, Parameter(negative="", help="Run a .ts file, a program of whoever made it, within limits.")]
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
    trust: Trust = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show and play what a space holds: one page to read in a browser, its numbers beside it."""
    from timbrespace.evaluation.explore import explore as run
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    found = run(model, data, out, trust=trust, seed=seed, force=force, progress=_Stages())
    _print(found, f"Open {found['report']} in a browser.", as_json)


@app.command
def compare(
    *models: Path,
    data: Annotated[Path, Parameter(help="Sounds that all models are seen through.")],
    out: Out,
    gestures: Annotated[
        list[Path] | None, Parameter(negative="", help="A file or folder of hand motion; may be repeated.")
    ] = None,
    mapping: Annotated[str, Parameter(help="How hands are mapped: pca, range or corpus.")] = "pca",
    paths: Annotated[int, Parameter(help="In every group.")] = 12,
    seconds: Annotated[float, Parameter(help="Of every path.")] = 4.0,
    trust: Trust = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show models side by side: what they rebuild, and where hands and other paths lead in them."""
    from timbrespace.evaluation.compare import compare as run
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    found = run(
        models, data, out, gestures=gestures or (), mapping=mapping, paths=paths, seconds=seconds, trust=trust,
        seed=seed, force=force, progress=_Stages(),
    )  # fmt: skip
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
def info(model: Path, /, *, trust: Trust = False, as_json: AsJson = False) -> None:
    """What a trained model is, and how well it does; or what an exported .onnx file is."""
    if model.suffix == ".onnx":
        from timbrespace.codecs.onnx_card import onnx_card, onnx_facts

        facts = onnx_facts(model)
        _print({"model": str(model), "facts": facts}, onnx_card(model, facts), as_json)
        return
    _print_model(timbrespace.load(model, trust=trust), as_json)


@app.command
def encode(
    model: Path, audio: Path, /, *, out: Out, trust: Trust = False, force: Force = False, as_json: AsJson = False
) -> None:
    """Write the latents of a sound as .npz (latents, rate_hz, length)."""
    from timbrespace.codecs.rendering import encode_file

    stored = encode_file(_load(model, trust), audio, out, force=force)
    _, dims, steps = stored.latents.shape
    _print({"out": str(out), "latents": dims, "steps": steps}, f"{out}: {steps} steps of {dims} latents", as_json)


@app.command
def decode(
    model: Path, latents: Path, /, *, out: Out, trust: Trust = False, force: Force = False, as_json: AsJson = False
) -> None:
    """Write the sound of latents from an .npz file."""
    from timbrespace.codecs.rendering import decode_file

    _print_sound(out, decode_file(_load(model, trust), latents, out, force=force), as_json)


@app.command
def resynth(
    model: Path,
    audio: Path,
    /,
    *,
    out: Out,
    phase: Annotated[
        Literal["predicted", "stored"], Parameter(help="The model's own, or the recording's (recipe stft).")
    ] = "predicted",
    trust: Trust = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a sound as the model rebuilds it."""
    from timbrespace.codecs.rendering import resynth_file

    _print_sound(out, resynth_file(_load(model, trust), audio, out, phase=phase, force=force), as_json)


@app.command
def path(
    model: Path,
    kind: str,
    /,
    *,
    out: Out,
    start: Annotated[Path | None, Parameter(name="--from", help="Recording where the path begins.")] = None,
    end: Annotated[Path | None, Parameter(name="--to", help="Recording where it ends.")] = None,
    seconds: Annotated[float | None, Parameter(help="8 if not given, or as long as the recording.")] = None,
    data: Annotated[Path | None, Parameter(help="Sounds of the space, for a model that holds none.")] = None,
    settings: Annotated[
        list[str] | None,
        Parameter(name="--set", negative="", consume_multiple=False, help="Of the path, as in radius=2 or axes=1,3."),
    ] = None,
    report: Annotated[Path | None, Parameter(help="Also a page that shows and plays it, .html.")] = None,
    save_path: Annotated[Path | None, Parameter(help="Also its points, .npz, which 'decode' plays.")] = None,
    trust: Trust = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Travel through the space and write what is heard on the way.

    KIND: aligned, centred, circle, corpus, fractal, line, lissajous, recording, slerp, spiral, traversal or walk.
    """
    from timbrespace.evaluation.journey import summary, travel

    done = travel(
        _load(model, trust), kind, out, settings=settings or (), data=data, start=start, end=end, seconds=seconds,
        seed=seed, report=report, save_path=save_path, model=model.name, force=force, progress=_Stages(),
    )  # fmt: skip
    _print(done, summary(done), as_json)


@app.command
def gesture(
    model: Path,
    file: Path,
    /,
    *,
    out: Out,
    columns: Annotated[str, Parameter(help="Names or numbers, as in x,y,z; all if not given.")] = "",
    mapping: Annotated[str, Parameter(help="pca, range, corpus or taught.")] = "pca",
    examples: Annotated[Path | None, Parameter(help="For taught: JSON or CSV of times and sounds.")] = None,
    number: Annotated[int | None, Parameter(name="--gesture", help="Which gesture of the file, from 1.")] = None,
    label: Annotated[str | None, Parameter(help="Or a text in its name, as in 'class 2'.")] = None,
    data: Annotated[Path | None, Parameter(help="Sounds of the space, for a model that holds none.")] = None,
    follow: Annotated[Path | None, Parameter(help="Recording followed by axes that the hand leaves.")] = None,
    speed: Annotated[float, Parameter(help="Times the hand's own pace.")] = 1.0,
    seconds: Annotated[float | None, Parameter(help="How long, instead of a speed.")] = None,
    rate: Annotated[float | None, Parameter(help="Rows a second, for a file without times.")] = None,
    smoothing: Annotated[float, Parameter(help="Lowest cutoff of the One-Euro filter in Hz, 0 for none.")] = 2.0,
    spikes: Annotated[float, Parameter(help="Seconds of a running median against leaps, 0 for none.")] = 0.0,
    settings: Annotated[
        list[str] | None,
        Parameter(name="--set", negative="", consume_multiple=False, help="Of the mapping, as in amount=0.8."),
    ] = None,
    trust: Trust = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Lead a hand's motion from FILE through the space and write what is heard."""
    from timbrespace.codecs import gesturing
    from timbrespace.motion.preparing import Preparation

    how = Preparation(smoothing=smoothing, spikes=spikes)
    chosen = gesturing.chosen_columns(columns)
    hand = gesturing.read_gesture(file, columns=chosen, number=number, label=label, rate_hz=rate, preparation=how)
    codec = _load(model, trust)
    rule = gesturing.chosen_mapping(codec, mapping, settings or (), examples=examples)
    done = gesturing.render_gesture(
        codec, hand, rule, out, data=data, follow=follow, speed=speed, seconds=seconds, seed=seed, force=force,
        progress=_Stages(),
    )  # fmt: skip
    _print(done, gesturing.summary(done), as_json)


@app.command
def play(
    model: Path | None = None,
    /,
    *,
    port: Annotated[int | None, Parameter(help="Where the page is; 8000 or the next free one if not given.")] = None,
    instrument: Annotated[Literal["voice", "granulator", "table"], Parameter(help="What is played.")] = "voice",
    output: Annotated[str, Parameter(help="browser, card, none, or a file such as take.wav.")] = "browser",
    device: Annotated[
        str | None, Parameter(help="The sound card, or a part of its name; names are listed if none fits.")
    ] = None,
    block: Annotated[int, Parameter(help="Frames that the sound card takes at a time, 16 to 8192.")] = 512,
    seconds: Annotated[float | None, Parameter(help="How long; a file needs it, else until Ctrl-C.")] = None,
    page: Annotated[bool, Parameter(name="--open", help="Open the page, where there is a screen.")] = True,
    takes: Annotated[Path, Parameter(help="The folder for recordings.")] = Path("takes"),
    osc: Annotated[
        int | None, Parameter(help="Open Sound Control on this port, such as 9000; answers on the next.")
    ] = None,
    osc_host: Annotated[str, Parameter(help="Where it listens; 0.0.0.0 lets the network in.")] = "127.0.0.1",
    wekinator: Annotated[bool, Parameter(negative="", help="With --osc: Wekinator's ports too.")] = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Play a model: in the browser, or on its own on a sound card, into a file or nowhere."""
    from timbrespace.control.osc.ports import OscPorts
    from timbrespace.training.runtime import tune_process
    from timbrespace.web import play as playing

    tune_process(threads=1)
    chosen = playing.chosen_model(model)
    ports = None if osc is None else OscPorts(osc, osc_host, wekinator)
    if output == "browser":
        _play(
            chosen, port=port, seconds=seconds, seed=seed, takes=takes, open_page=page and not as_json,
            osc=ports, instrument=instrument, as_json=as_json,
        )  # fmt: skip
        return
    status = playing.perform(
        chosen, output, seconds=seconds, seed=seed, force=force, osc=ports, device=device, block=block,
        instrument=instrument,
    )  # fmt: skip
    _print(status, playing.summary(status), as_json)


@app.command
def grain(
    model: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"], help="The path, heard through the granulator.")] = None,
    table: Annotated[Path | None, Parameter(help="Also, or only, its sound as a loop: a 24-bit WAV file.")] = None,
    kind: Annotated[str, Parameter(name="--path", help="As of the command 'path'.")] = "walk",
    start: Annotated[Path | None, Parameter(name="--from", help="Recording where the path begins.")] = None,
    end: Annotated[Path | None, Parameter(name="--to", help="Recording where it ends.")] = None,
    seconds: Annotated[float, Parameter(help="Of the path; of a table 2 or so are enough.")] = 8.0,
    knobs: Annotated[
        list[str] | None,
        Parameter(name="--set", negative="", consume_multiple=False, help="Of the granulator, as in density=40."),
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Grains along a path through the space, as a sound file, and as a sound table."""
    from timbrespace.control.grain_file import grains_to_files

    done = grains_to_files(
        _load_sound(model), kind, out=out, table=table, seconds=seconds, knobs=knobs or (), start=start, end=end,
        seed=seed, force=force,
    )  # fmt: skip
    _print(done, "\n".join(f"{k}: {v}" for k, v in done.items()), as_json)


@app.command
def export(
    model: Path,
    /,
    *,
    to: Annotated[Literal["nn~", "onnx"], Parameter(help="For nn~ (a .ts file), or a folder of ONNX files.")],
    out: Out,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a model for other programs, load it back, compare it, and say what was found in a sheet beside it."""
    from timbrespace.export.exporting import export_model
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    found = export_model(model, to, out, force=force)
    _print(found, f"{out}\n{found['summary']}", as_json)


@bench.command(name="model")
def bench_model(model: Path, /, *, trust: Trust = False, as_json: AsJson = False) -> None:
    """Latency and speed of a model, or of an exported .ts or .onnx file, for blocks of 64 to 4096 samples."""
    from timbrespace.evaluation.model_speed import measure_model
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    found = measure_model(model, trust=trust)
    _print(found.table(), found.text(), as_json)


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
    from timbrespace.core.errors import TrainingError
    from timbrespace.evaluation.benchmark.grid import read_grid
    from timbrespace.evaluation.benchmark.publication import publish
    from timbrespace.evaluation.benchmark.runner import run_benchmark

    run_benchmark(read_grid(grid), data, out=out, seeds=seeds, workers=workers, slurm=slurm, progress=_lines)
    found = publish(out)
    _print(found, f"Open {found['report']} in a browser.", as_json)
    if found["failed"]:
        cell, reason = next(iter(found["failed"].items()))
        some = f"{len(found['failed'])} cells failed; the same command tries them again."
        raise TrainingError(f"{some} The first, {cell}: {reason}")


@data_sets.command
def fetch(
    name: str,
    /,
    *,
    to: Annotated[Path | None, Parameter(help="A folder; where trainings look for it if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Download a known data set, checked, to where trainings find it.

    Pictures: mnist, fashion. Sounds: tinysol (1.0 GB), nsynth-test (0.3 GB), nsynth-valid (1.1 GB), nsynth (25 GB).
    """
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
    measure: Annotated[
        str | None, Parameter(help="Dotted place of a number in metrics.json; what chooses checkpoints if not given.")
    ] = None,
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


def _load(model: Path, trust: bool = False) -> Any:
    """A model of sound, in a process set up for one-thread inference: small transforms lose with more."""
    from timbrespace.codecs.loading import load_codec
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    return load_codec(model, trust=trust)


def _load_sound(model: Path) -> Any:
    """A model that 'train' wrote, as :func:`_load`."""
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
    from timbrespace.codecs.torchscript.codec import TorchScriptCodec

    if isinstance(codec, TorchScriptCodec):
        _print({"model": str(codec.path), "facts": codec.facts()}, codec.card(), as_json)
        return
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
