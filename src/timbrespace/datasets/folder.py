"""Any folder of sounds as a data set: found, read once, stored, split by series, cut into chunks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from timbrespace.audio.reading import MAX_CHANNELS, NonFinite
from timbrespace.audio.resampling import check_rate
from timbrespace.core.component import Wired
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.knob import Knob
from timbrespace.datasets.base import Dataset, Progress, SoundPrepared
from timbrespace.datasets.chunks import Cutting, PreparedFolder, Short
from timbrespace.datasets.generated import Accompanied, company_of
from timbrespace.datasets.intake import NOT_SOUND, Intake, list_files
from timbrespace.datasets.layouts.base import Labels
from timbrespace.datasets.layouts.choosing import AUTO, check_layout, read_labels
from timbrespace.datasets.shards import Shards, prepared_once
from timbrespace.datasets.splitting import Piece, Shares, SplitBy, split_by_folds, split_sounds

_LEAST_SECONDS: Final = 1.0


class SoundFolder(Dataset):
    """A folder of sound files, in any formats, rates and channels, searched through all its sub-folders.

    Every file is brought to ``sample_rate`` Hz and ``channels``, and cut into chunks of ``chunk_length``
    samples; ``crop_length`` makes training batches random parts of that length
    (:meth:`~timbrespace.datasets.chunks.ChunkedSplit.batch`). ``short`` says whether sounds shorter than a
    chunk are joined end to end or padded with silence. ``validation`` and ``test`` are shares of the whole
    duration; files of one series (:func:`~timbrespace.datasets.series.series_of`) always share a split,
    which ``split_seed`` draws (:func:`~timbrespace.datasets.splitting.split_sounds`).

    ``layout`` says how the folder describes its sounds: the name of a
    :class:`~timbrespace.datasets.layouts.base.Layout`, ``auto`` for the one that fits, ``none`` for the folder's name
    alone. It fills the labels of the sources. With ``split="folds"`` the collection's own parts decide
    (:func:`~timbrespace.datasets.splitting.split_by_folds`): fold number ``fold`` is tested on, or the parts are those
    it was published with; shares and seed then count for nothing.

    Left out, each with its reason: files that are no sound or damaged, silent ones (peak below -90 dBFS),
    ones longer than ``max_minutes``, ones whose values are no sound (beyond +80 dBFS), copies of a sound that
    is there already, and, unless ``non_finite="clean"`` makes zeros of them, ones with values that are not
    numbers. Hidden files and folders are not looked at.

    ``company`` is the share of generated sounds in every training batch
    (:class:`~timbrespace.datasets.generated.Accompanied`): they never appear in evaluations.

    The decoded sound is kept in the user's cache folder (or in the one that TIMBRESPACE_CACHE names), and
    found again as long as paths, sizes, times of change and the settings of reading stay the same.
    """

    def __init__(
        self,
        path: Wired[str],
        *,
        sample_rate: int = 44_100,
        channels: int = 1,
        chunk_length: int = 65_536,
        crop_length: int | None = None,
        validation: float = 0.1,
        test: float = 0.1,
        split_seed: int = 0,
        short: Short = "join",
        non_finite: NonFinite = "refuse",
        max_minutes: float = 120.0,
        company: Annotated[float, Knob(0.0, 0.9)] = 0.0,
        layout: str = AUTO,
        split: Literal["series", "folds"] = "series",
        fold: int = 0,
    ) -> None:
        if not 1 <= channels <= MAX_CHANNELS:
            raise ParameterError(f"SoundFolder's 'channels' is {channels}; 1 to {MAX_CHANNELS} are possible.")
        if chunk_length < 1 or not 1 <= (chunk_length if crop_length is None else crop_length) <= chunk_length:
            raise ParameterError(
                f"SoundFolder's 'crop_length' is {crop_length} and its 'chunk_length' {chunk_length}; both are 1 or"
                " more samples, and a crop is no longer than a chunk."
            )
        if not max_minutes > 0:
            raise ParameterError(f"SoundFolder's 'max_minutes' is {max_minutes}; give a time above 0.")
        check_rate(sample_rate, what="SoundFolder")
        check_layout(layout)
        self.path = path
        self.sample_rate = sample_rate
        self.channels = channels
        self.chunk_length = chunk_length
        self.crop_length = crop_length
        self.validation = validation
        self.test = test
        self.split_seed = split_seed
        self.short: Short = short
        self.non_finite: NonFinite = non_finite
        self.max_minutes = max_minutes
        self.company = company
        self.layout = layout
        self.split: Literal["series", "folds"] = split
        self.fold = fold
        self._shares = Shares(validation, test)

    def provides(self) -> dict[str, Any]:
        return {"sample_rate": self.sample_rate, "channels": self.channels}

    def prepare(self, *, progress: Progress | None = None) -> SoundPrepared:
        """Read, convert and store the folder's sounds, or find them stored; then split and cut them."""
        root = Path(self.path).expanduser()
        files = list_files(root)
        intake = Intake(self.sample_rate, self.channels, self.non_finite, self.max_minutes)
        shards = prepared_once(
            intake.key(root, files),
            channels=self.channels,
            fill=lambda writer: intake.store(writer, files, progress=progress),
        )
        self._check_enough(shards)
        labels = read_labels(root, [file.name for file in files if file.readable], layout=self.layout)
        pieces, split_by = self._divided(shards, labels)
        cutting = Cutting(self.chunk_length, self.crop_length, self.short)
        prepared = PreparedFolder(shards, pieces, split_by, cutting, self.path, labels)
        if not self.company:
            return prepared
        guests = company_of(cutting, sample_rate=self.sample_rate, channels=self.channels, progress=progress)
        return Accompanied(prepared, guests, self.company)

    def _divided(self, shards: Shards, labels: Labels) -> tuple[list[Piece], SplitBy]:
        if self.split == "series":
            return split_sounds(shards.sounds, self._shares, self.split_seed)
        what = f"The folder {self.path} (layout {labels.layout})"
        return split_by_folds(shards.sounds, labels.folds, self.fold, what=what), "folds"

    def _check_enough(self, shards: Shards) -> None:
        skipped, foreign = shards.facts["skipped"], shards.facts["foreign"]
        if not shards.sounds and len(skipped) == sum(foreign.values()):
            raise DataError(
                f"The folder {self.path} holds {len(skipped)} files ({', '.join(foreign)}) but no sound; put WAV,"
                " FLAC, AIFF, Ogg or MP3 files into it, or name another folder."
            )
        if not shards.sounds:
            name, reason = next((n, r) for n, r in skipped if r != NOT_SOUND)
            told = reason if name in reason else f"{name}: {reason}"
            raise DataError(
                f"None of the {len(skipped)} files in {self.path} can be used, for example {told.rstrip('.')}."
            )
        seconds = sum(s.frames for s in shards.sounds) / self.sample_rate
        if seconds < _LEAST_SECONDS:
            raise DataError(
                f"The folder {self.path} holds {seconds:.3f} s of usable sound in {len(shards.sounds)} files; at"
                f" least {_LEAST_SECONDS:g} s is needed to learn from: add more or longer sounds."
            )
