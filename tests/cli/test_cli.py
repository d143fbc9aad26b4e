"""The command line: what it prints, its exit codes, and one sentence for everything one can do wrong."""

from __future__ import annotations

import ctypes
import errno
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from benchmarks.kills import train_tokens

from tests import picture_bundles
from tests.bundles import bundle, copy_of_bundle, sounds
from timbrespace.__main__ import main

MODEL = "MODEL"
"""Stands for the tiny bundle in the tables below."""
PICTURES = "PICTURES"
"""Stands for a tiny model of pictures."""


class Ran:
    """Exit code and streams of a command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def refused(self) -> str:
        """The sentence, if it is one and the exit code is 2."""
        assert self.code == 2, self.err
        assert self.out == ""
        lines = [line for line in self.err.splitlines() if not line.startswith(("step ", "reading sounds"))]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("timbrespace: ")
        assert "Traceback" not in self.err
        return lines[0]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*tokens: object) -> Ran:
        models = {MODEL: bundle, PICTURES: picture_bundles.bundle}
        given = [str(models[token]()) if token in models else str(token) for token in tokens]
        capsys.readouterr()
        code = main(given)
        return Ran(code, *capsys.readouterr())

    return call


def a_sound() -> Path:
    return next(sounds().glob("snare*.wav"))


def write(path: Path, samples: Any, rate: int = 22_050) -> Path:
    soundfile.write(path, np.asarray(samples, np.float32), rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


@pytest.mark.parametrize(
    ("tokens", "fields"),
    [
        (["encode", MODEL, "SOUND", "-o", "z.npz"], {"out", "latents", "steps"}),
        (["resynth", MODEL, "SOUND", "-o", "r.wav"], {"out", "seconds"}),
        (["path", MODEL, "line", "--seconds", "1", "-o", "p.wav"], {"out", "seconds"}),
        (["path", MODEL, "slerp", "--from", "SOUND", "--seconds", "1", "-o", "p.flac"], {"out", "seconds"}),
        (["path", MODEL, "walk", "--seconds", "1", "--seed", "4", "-o", "p.ogg"], {"out", "seconds"}),
        (["info", MODEL], {"model", "facts", "recipe", "metrics"}),
        (["resume", MODEL], {"model", "facts", "recipe", "metrics"}),
        (["recipes"], {"temporal-vae"}),
        (["recipes", "temporal-vae"], {"name", "toml"}),
    ],
)
def test_commands_do_what_they_say(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: list[str], fields: set[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(a_sound()) if t == "SOUND" else t for t in tokens]
    told = run(*given, "--json")
    assert told.code == 0, told.err
    document = json.loads(told.out)
    assert fields <= document.keys()
    if "out" in fields:
        assert Path(document["out"]).stat().st_size > 100
        refused = run(*given).refused()
        assert "exists already; choose another name or add --force" in refused
        again = run(*given, "--force")
        assert again.code == 0
        assert document["out"] in again.out
    else:
        assert run(*given).out.strip()


def test_encode_then_decode_is_resynth(run: Any, tmp_path: Path) -> None:
    assert run("encode", MODEL, a_sound(), "-o", tmp_path / "z.npz").code == 0
    assert run("decode", MODEL, tmp_path / "z.npz", "-o", tmp_path / "a.wav").code == 0
    assert run("resynth", MODEL, a_sound(), "-o", tmp_path / "b.wav").code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert soundfile.info(tmp_path / "a.wav").frames == soundfile.info(a_sound()).frames


def test_paths_follow_their_seed(run: Any, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("path", MODEL, "walk", "--seconds", "1", "--seed", seed, "-o", tmp_path / f"{name}.wav")
    a, b, c = ((tmp_path / f"{name}.wav").read_bytes() for name in "abc")
    assert a == b != c


def test_train_prints_one_document(tmp_path: Path) -> None:
    tokens = [*train_tokens(sounds(), tmp_path / "m", "training.steps=2"), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "timbrespace", *tokens], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["curve"]["step"] == [2]
    assert "step 2 of 2" in done.stderr


def test_doctor(run: Any) -> None:
    assert json.loads(run("doctor", "--json").out)["cores"] >= 1


def test_help_and_version_and_nothing(run: Any) -> None:
    assert "train" in run("--help").out
    assert run("--version").out.strip() == __import__("timbrespace").__version__
    assert "--minutes" in run("train", "--help").out


def test_importing_starts_nothing() -> None:
    code = (
        "import sys, threading, timbrespace, timbrespace.cli, timbrespace.__main__\n"
        "heavy = {'torch', 'numba', 'scipy', 'matplotlib', 'sklearn', 'soundfile', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert threading.active_count() == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def huge_header(path: Path) -> None:
    """A FLAC file whose header declares 2^36 - 1 frames."""
    soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, 5_000), 22_050)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)


def damaged_flac(path: Path) -> None:
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 60_000), 22_050)
    content = bytearray(path.read_bytes())
    content[20_000:40_000] = b"\x55" * 20_000
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("empty.wav", lambda p: p.write_bytes(b""), "is empty"),
        ("none.wav", lambda p: None, "does not exist"),
        ("text.wav", lambda p: p.write_text("hello"), "is not a sound that can be read"),
        ("nan.wav", lambda p: write(p, [0.1, np.nan, 0.2] * 900), "not numbers"),
        ("loud.wav", lambda p: write(p, [1e30, -1e30] * 900), "peak is 1e+30, where full scale is 1"),
        ("zero.wav", lambda p: write(p, np.zeros(0)), "is empty: it holds no samples"),
        ("damaged.flac", damaged_flac, "damaged"),
        ("huge.flac", huge_header, "declares 68,719,476,735 frames"),
        ("folder.wav", lambda p: p.mkdir(), "is a folder, not a sound file"),
    ],
)
def test_sounds_that_are_none(run: Any, tmp_path: Path, name: str, make: Any, sentence: str) -> None:
    make(tmp_path / name)
    for command, out in (("resynth", "out.wav"), ("encode", "out.npz")):
        assert sentence in run(command, MODEL, tmp_path / name, "-o", tmp_path / out).refused()
        assert not (tmp_path / out).exists()
    assert not [p for p in tmp_path.iterdir() if ".partial-" in p.name]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda d: None, "is empty; put WAV"),
        (lambda d: [(d / f"{i}.txt").write_text("x") for i in range(3)], "holds 3 files (.txt) but no sound"),
        (lambda d: write(d / "short.wav", 0.3 * np.ones(220)), "holds 0.010 s of usable sound"),
        (lambda d: [write(d / f"{i}.wav", np.zeros(30_000)) for i in range(3)], "it is silent"),
        (lambda d: damaged_flac(d / "one.flac"), "damaged"),
        (lambda d: huge_header(d / "one.flac"), "declares 68,719,476,735 frames"),
        (lambda d: write(d / "one.wav", [0.1, np.inf] * 20_000), "not numbers"),
    ],
)
def test_folders_nothing_can_be_learned_from(run: Any, tmp_path: Path, make: Any, sentence: str) -> None:
    (tmp_path / "data").mkdir()
    make(tmp_path / "data")
    assert sentence in run(*train_tokens(tmp_path / "data", tmp_path / "m")).refused()
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (["--set", "model.network.widht=8"], "TemporalConv has no argument 'widht' (at model.network). Did you mean"),
        (["--set", "modle.x=1"], "There is no section 'modle' in a recipe. Did you mean 'model'"),
        (["--set", "nonsense"], "A setting reads section.key=value"),
        (["--set", "training.batch_size=0"], "is 0, outside its range"),
        (["--set", "training.weights=5"], "'weights'"),
        (["--set", "training.weights.kl=5"], "'weights'"),
        (["--set", "model.network=5"], "'network' expects a Network"),
        (["--set", "transform.n_fft=7"], "'n_fft' is 7"),
        (["--set", "data.sample_rate=abc"], "'sample_rate' expects a whole number"),
        (["--minutes", "1", "--epochs", "1"], "Give either --minutes or --epochs, not both"),
        (["--minutes", "0"], "--minutes is 0; give a number above 0"),
        (["--minutes", "-1"], "--minutes is -1"),
        (["--minutes", "nan"], "--minutes is nan"),
        (["--minutes", "soon"], "soon"),
        (["--device", "tpu"], "tpu"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_trainings_that_cannot_start(run: Any, tmp_path: Path, extra: list[str], sentence: str) -> None:
    assert sentence in run(*train_tokens(sounds(), tmp_path / "m"), *extra).refused()
    assert not (tmp_path / "m").exists()


def test_a_misspelt_key_is_told_before_any_sound_is_read(run: Any, tmp_path: Path) -> None:
    ran = run(*train_tokens(tmp_path / "nowhere", tmp_path / "m"), "--set", "model.bottleneck.latent_dm=8")
    assert "no argument 'latent_dm'" in ran.refused(), "the missing folder would be the first complaint"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_cuda(run: Any, tmp_path: Path) -> None:
    assert "this torch finds none" in run(*train_tokens(sounds(), tmp_path / "m"), "--device", "cuda").refused()


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (["train", "temporal-vea", "--data", ".", "--out", "m"], "There is no recipe 'temporal-vea'. Did you mean"),
        (["train", "no/where.toml", "--data", ".", "--out", "m"], "There is no recipe file no/where.toml"),
        (["train", "temporal-vae", "--data", "nowhere", "--out", "m"], "nowhere does not exist"),
        (["train", "temporal-vae", "--out", "m"], "--data"),
        (["recipes", "x"], "There is no recipe 'x'"),
        (["info", "nowhere"], "There is no nowhere; give the folder of a trained model"),
        (["resume", "nowhere"], "holds no training to resume"),
        (["path", MODEL, "zigzag", "-o", "x.wav"], "zigzag"),
        (["path", MODEL, "walk", "--seconds", "-1", "-o", "x.wav"], "up to 1,800 seconds, not -1"),
        (["path", MODEL, "walk", "--seconds", "0", "-o", "x.wav"], "up to 1,800 seconds, not 0"),
        (["path", MODEL, "walk", "--seconds", "nan", "-o", "x.wav"], "up to 1,800 seconds, not nan"),
        (["path", MODEL, "line", "--seconds", "1e9", "-o", "x.wav"], "up to 1,800 seconds, not 1e+09"),
        (["path", MODEL, "line", "--from", "none.wav", "-o", "x.wav"], "none.wav does not exist"),
        (["path", MODEL, "walk", "-o", "nowhere/x.wav"], "The folder nowhere does not exist; make it first"),
        (["path", MODEL, "walk", "--seconds", "0.2", "-o", "x.xyz"], "'.xyz'"),
        (["encode", MODEL, "s.wav", "-o", "z.wav"], "Latents are written as .npz"),
        (["decode", MODEL, "none.npz", "-o", "x.wav"], "There is no file none.npz"),
        (["walk"], "walk"),
    ],
)
def test_wrong_usage(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sentence in run(*tokens).refused()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "tokens",
    [
        ["resynth", PICTURES, "SOUND", "-o", "x.wav"],
        ["encode", PICTURES, "SOUND", "-o", "z.npz"],
        ["decode", PICTURES, "LATENTS", "-o", "x.wav"],
        ["path", PICTURES, "walk", "--seconds", "1", "-o", "x.wav"],
        ["explore", PICTURES, "--data", "SOUNDS", "-o", "report.html"],
        ["play", PICTURES, "--output", "take.wav", "--seconds", "1"],
        ["play", PICTURES, "--no-open", "--seconds", "1"],
    ],
    ids=lambda tokens: tokens[0],
)
def test_tools_for_sound_refuse_a_model_of_pictures(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: list[str]
) -> None:
    (tmp_path / "latents.npz").write_bytes(saved(latents=GOOD))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    places = {"SOUND": a_sound(), "SOUNDS": sounds(), "LATENTS": tmp_path / "latents.npz"}
    refused = run(*(places.get(token, token) for token in tokens)).refused()
    assert "holds a model of pictures, and this needs a model of sound; choose another one." in refused
    assert list((tmp_path / "work").iterdir()) == [], "nothing is left behind"


def test_models_of_pictures_are_shown(run: Any) -> None:
    for command in ("info", "resume"):
        document = json.loads(run(command, PICTURES, "--json").out)
        assert document["facts"]["size"] == [1, 8, 8]
        assert document["metrics"]["test"]["pictures"] == 359
        assert "# A space of pictures: image-vae" in run(command, PICTURES).out


@pytest.mark.parametrize(
    ("data", "settings", "sentence"),
    [
        ("digits", ['model.prior={kind="Sphere"}'], "A Gaussian bottleneck cannot have the prior Sphere"),
        ("digits", ['model.bottleneck={kind="Mmd"}'], "The loss term 'mmd' has no weight"),
        ("digits", ["model.network.hiden=[8]"], "Mlp has no argument 'hiden' (at model.network). Did you mean"),
        ("digist", [], "There is no folder"),
        (".", [], "holds no train-images-idx3-ubyte"),
    ],
)
def test_trainings_on_pictures_that_cannot_start(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, settings: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    tokens = [t for s in settings for t in ("--set", s)]
    assert sentence in run("train", "image-vae", "--data", data, "--out", "m", *tokens).refused()
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_a_data_set_is_a_place_where_it_is_or_a_hint(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMBRESPACE_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    refused = run("train", "image-vae", "--data", "mnist", "--out", tmp_path / "m").refused()
    assert "run: timbrespace data fetch mnist" in refused


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (self.marker,))


def npy_header(shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def archive(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def saved(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


GOOD = np.zeros((4, 5), np.float32)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (saved(latents=np.zeros((1, 7, 3))), "This model has 4 latents, and 7 were given"),
        (saved(latents=np.zeros((2, 4, 3))), "there are 2 in this batch; give them one by one"),
        (saved(latents=np.zeros((1, 1, 4, 3))), "Latents have axes"),
        (saved(latents=np.full((4, 3), np.nan)), "NaN or infinite"),
        (saved(latents=np.zeros((4, 0))), "There is nothing to decode"),
        (saved(latents=np.array(["a"])), "is no .npz of latents"),
        (saved(other=GOOD), "expected an array named 'latents'"),
        (saved(latents=GOOD, length=10**15), "says it stands for 1,000,000,000,000,000 samples"),
        (saved(latents=GOOD, length=-3), "says it stands for -3 samples"),
        (saved(latents=GOOD, length=np.zeros(3)), "is no .npz of latents"),
        (saved(latents=GOOD)[:-30], "is no .npz of latents"),
        (b"", "is no .npz of latents"),
        (b"not a zip", "is no .npz of latents"),
        (archive(latents=npy_header((4, 10**15))), "cannot be unpacked"),
        (archive(latents=npy_header((4, 5)) + b"1234"), "is no .npz of latents"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_latents_that_are_none(run: Any, tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "z.npz").write_bytes(content)
    assert sentence in run("decode", MODEL, tmp_path / "z.npz", "-o", tmp_path / "x.wav").refused()
    assert not (tmp_path / "x.wav").exists()


def test_pickled_latents_are_never_unpickled(run: Any, tmp_path: Path) -> None:
    bomb = np.array([Bomb(str(tmp_path / "marker"))], dtype=object)
    (tmp_path / "z.npz").write_bytes(saved(latents=bomb))
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(bomb))
    for name in ("z.npz", "raw.npz"):
        assert "is no .npz of latents" in run("decode", MODEL, tmp_path / name, "-o", tmp_path / "x.wav").refused()
    assert not (tmp_path / "marker").exists()


def test_an_unpacking_bomb_is_refused_before_it_unpacks(run: Any, tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "z.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("latents.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(npy_header((4, 2**26 + 1)))
        for _ in range(65):
            entry.write(bytes(2**24))
    assert (tmp_path / "z.npz").stat().st_size < 2**23
    assert "more than latents need" in run("decode", MODEL, tmp_path / "z.npz", "-o", tmp_path / "x.wav").refused()


@pytest.mark.parametrize("command", [["info"], ["resynth", "SOUND", "-o", "x.wav"]])
def test_damaged_models(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    tokens = [command[0], "model", *(str(a_sound()) if t == "SOUND" else t for t in command[1:])]
    model = copy_of_bundle(tmp_path / "model")
    good = (model / "config.json").read_text()
    (model / "config.json").write_text(good.replace('"format": 1', '"format": 2'))
    assert "this version reads up to format 1; update timbrespace" in run(*tokens).refused()
    (model / "config.json").write_text(good.replace('"width": 16', '"width": 32'))
    assert "does not fit together" in run(*tokens).refused()
    (model / "config.json").write_text(good)
    weights = bytearray((model / "weights.safetensors").read_bytes())
    weights[-3] ^= 4
    (model / "weights.safetensors").write_bytes(weights)
    assert "is damaged: its SHA-256" in run(*tokens).refused()


def mount(folder: Path, size: str) -> None:
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={size}".encode()) != 0:
        pytest.skip(f"a small disk cannot be mounted here ({errno.errorcode[ctypes.get_errno()]})")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    made: list[Path] = []

    def make(size: str) -> Path:
        mount(tmp_path / f"disk{len(made)}", size)
        made.append(tmp_path / f"disk{len(made)}")
        return made[-1]

    yield make
    for folder in made:
        ctypes.CDLL(None).umount2(str(folder).encode(), 2)


def test_a_full_disk_keeps_nothing_half_written(run: Any, small_disk: Any) -> None:
    disk = small_disk("32k")
    for tokens in (
        ["path", MODEL, "walk", "--seconds", "4", "-o", disk / "x.wav"],
        ["path", MODEL, "walk", "--seconds", "30", "-o", disk / "x.ogg"],
        train_tokens(sounds(), disk / "m", "training.steps=2"),
    ):
        said = run(*tokens).refused()
        assert "The disk is full" in said
        assert "free some space" in said
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("size", ["192k", "400k", "700k"])
def test_a_disk_that_fills_while_training_keeps_the_last_checkpoint(run: Any, small_disk: Any, size: str) -> None:
    disk = small_disk(size)
    tokens = train_tokens(sounds(), disk / "m", "training.steps=6", "training.checkpoint_minutes=0")
    said = run(*tokens).refused()
    assert "The disk is full" in said
    left = disk / "m" / "run" / "checkpoints" / "manifest.json"
    if left.exists():
        assert f"go on with: timbrespace resume {disk / 'm'}" in said
        ctypes.CDLL(None).mount(b"tmpfs", str(disk).encode(), b"tmpfs", 32, b"size=30m")  # 32: remount
        assert run("resume", disk / "m").code == 0
    else:
        assert list(disk.iterdir()) == []


def test_a_benchmark_with_failed_cells_is_no_success(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is was published; the exit code says that it is not all."""
    at = "timbrespace.evaluation.benchmark"
    found = {"report": "report.html", "tables": [], "finished": 1, "failed": {"digits/vae/seed-0": "No room."}}
    monkeypatch.setattr(f"{at}.grid.read_grid", lambda path: None)
    monkeypatch.setattr(f"{at}.runner.run_benchmark", lambda *given, **named: None)
    monkeypatch.setattr(f"{at}.publication.publish", lambda out: found)
    ran = run("bench", "autoencoders", "grid.toml", "--data", "digits", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "Open report.html in a browser." in ran.out
    assert "1 cells failed; the same command tries them again. The first, digits/vae/seed-0: No room." in ran.err
