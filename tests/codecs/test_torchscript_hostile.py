"""A museum of files that call themselves models: each is refused or stopped in one sentence, and does nothing else."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests import torchscript_models as models
from timbrespace.codecs.loading import load_codec
from timbrespace.codecs.torchscript.codec import TorchScriptCodec
from timbrespace.codecs.torchscript.process import ConfinedProcess
from timbrespace.codecs.torchscript.runner import Interface
from timbrespace.codecs.torchscript.scripted import Scripted, UnfitError
from timbrespace.core.errors import BundleError

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have fewer limits, which facts() says")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timbrespace.codecs.torchscript.codec.ConfinedProcess", models.InProcess)


def refused(path: Path, words: str, *, seconds: float = 20.0, memory_gb: float = 1.0) -> None:
    """Opening the file ends in one sentence that names it."""
    with pytest.raises(BundleError, match=words) as found:
        TorchScriptCodec(path, seconds=seconds, memory_gb=memory_gb)
    sentence = str(found.value)
    assert path.name in sentence
    assert "\n" not in sentence
    assert len(sentence) < 500


@pytest.mark.parametrize("model", [models.Looping, models.LoopingAtOnce])
def test_one_that_loops_for_ever_is_stopped(model: Callable[[], torch.nn.Module], tmp_path: Path) -> None:
    refused(models.save(model(), tmp_path / "m.ts"), "did not answer within 1 s and was stopped", seconds=1.0)


@linux
def test_one_that_writes_a_file_is_stopped(tmp_path: Path, marker: Path) -> None:
    refused(models.save(models.Writing(str(marker)), tmp_path / "m.ts"), "tried to write a file")
    assert not marker.exists()


@linux
def test_one_that_writes_into_a_file_is_stopped(tmp_path: Path, marker: Path) -> None:
    marker.write_bytes(b"untouched")
    refused(models.save(models.Sharing(str(marker)), tmp_path / "m.ts"), "tried to write a file")
    assert marker.read_bytes() == b"untouched"


@linux
def test_one_that_reads_a_file_gets_nothing(tmp_path: Path, marker: Path) -> None:
    marker.write_bytes(b"a secret of the user's")
    refused(models.save(models.Reading(str(marker)), tmp_path / "m.ts"), "unable to open file .* Permission denied")


@linux
def test_one_that_takes_all_memory_is_refused(tmp_path: Path) -> None:
    refused(models.save(models.Gradual(), tmp_path / "m.ts"), "more than 1 GB of memory")


@linux
def test_a_bomb_is_refused(tmp_path: Path) -> None:
    refused(models.bomb(tmp_path / "m.ts"), "more than 0.25 GB of memory", memory_gb=0.25)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("model", "words"),
    [
        (models.NotANumber, "encode gives NaN"),
        (models.WrongShape, r"encode gives shape \(1, 1, \d+\) .* where it says"),
        (models.NoTensor, "encode gives int, no tensor"),
        (models.Raising, "no licence"),
        (models.NoDecode, "no method decode"),
    ],
)
def test_one_that_does_not_keep_its_word_is_refused(
    model: Callable[[], torch.nn.Module], words: str, tmp_path: Path
) -> None:
    refused(models.save(model(), tmp_path / "m.ts"), words)


@pytest.mark.usefixtures("in_process")
def test_one_whose_ratios_do_not_fit_is_refused(tmp_path: Path) -> None:
    refused(models.unfit_params(tmp_path / "m.ts", [1, 1, 4, 64], [4, 32, 1, 1]), "do not lead from sound to latents")


@pytest.mark.filterwarnings("ignore:.torch.jit.load")
def test_files_that_are_no_models_are_refused(tmp_path: Path, marker: Path) -> None:
    """Here without a process of their own: torch's reader of scripts unpickles no classes."""
    whole = models.save(models.Plain(), tmp_path / "whole.ts").read_bytes()
    wrong = {
        "text": b"this is no model", "half": whole[: len(whole) // 2],
        "pickle": models.pickled(tmp_path / "p.ts", marker, archived=False).read_bytes(),
        "archive": models.pickled(tmp_path / "a.ts", marker, archived=True).read_bytes(),
    }  # fmt: skip
    for name, content in wrong.items():
        with pytest.raises(UnfitError, match="no TorchScript file, or a damaged one"):
            Scripted(content)
        assert not marker.exists(), name


def test_a_text_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "m.ts").write_text("const x: number = 1;  // TypeScript has this ending, too")
    refused(tmp_path / "m.ts", "no TorchScript file, or a damaged one")
    (tmp_path / "empty.ts").touch()
    with pytest.raises(BundleError, match="is empty"):
        load_codec(tmp_path / "empty.ts", trust=True)
    (tmp_path / "folder.ts").mkdir()
    with pytest.raises(BundleError, match=r"folder.ts"):
        load_codec(tmp_path / "folder.ts", trust=True)


@pytest.mark.filterwarnings("ignore:.torch.jit.load")
def test_numbers_that_a_file_lacks_are_named(tmp_path: Path) -> None:
    content = models.save(models.NoParams(), tmp_path / "m.ts").read_bytes()
    with pytest.raises(UnfitError, match="no buffer encode_params"):
        Scripted(content).describe()
    content = models.unfit_params(tmp_path / "m.ts", [1, 1, 0, 64], [4, 64, 1, 1]).read_bytes()
    with pytest.raises(UnfitError, match="four whole numbers above zero"):
        Scripted(content).describe()


def test_a_codec_whose_process_is_gone_says_so(tmp_path: Path) -> None:
    codec = TorchScriptCodec(models.save(models.Plain(), tmp_path / "m.ts"))
    codec.close()
    codec.close()
    with pytest.raises(BundleError, match="was ended; open it again"):
        codec.encode(torch.zeros(1, 1, 64))


@linux
def test_the_process_sees_no_tokens_and_dies_with_its_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    content = models.save(models.Plain(), tmp_path / "m.ts").read_bytes()
    held = ConfinedProcess("m.ts", content, seconds=20.0, memory_gb=1.0)
    process, folder = held._process, Path(held._folder)
    assert len(held.confined) == 4
    assert list(folder.iterdir()) == []
    assert b"SECRET_TOKEN" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    held.close()
    assert process.poll() is not None
    assert not folder.exists()


@pytest.mark.parametrize("params", [[1, 1, 4, 2**30], [1, 1, 2**20, 64], [4096, 1, 4, 64]])
def test_numbers_that_no_model_of_sound_has_are_refused(params: list[int]) -> None:
    """They would make this process allocate what the model's own is forbidden to."""
    channels, _, latents, ratio = params
    with pytest.raises(BundleError, match=r"m\.ts cannot be used: it states .* no model of sound has such numbers"):
        Interface.of("m.ts", {"encode": params, "decode": [latents, ratio, channels, 1]}, 44_100)
    with pytest.raises(BundleError, match="it states 0 Hz"):
        Interface.of("m.ts", {"encode": [1, 1, 4, 64], "decode": [4, 64, 1, 1]}, 0)


def test_a_model_outlives_the_thread_that_opened_it(tmp_path: Path) -> None:
    opened: list[TorchScriptCodec] = []
    path = models.save(models.RaveStyle(), tmp_path / "m.ts")
    thread = threading.Thread(target=lambda: opened.append(TorchScriptCodec(path)))
    thread.start()
    thread.join()
    with opened[0] as codec:
        assert codec.encode(torch.zeros(1, 1, 6400)).shape == (1, codec.latent_dim, 100)
