"""Layouts of collections: where published sets of sounds write down what their files are."""

from __future__ import annotations

from timbrespace.datasets.layouts.base import Labels, Layout
from timbrespace.datasets.layouts.freesound_loops import FreesoundLoops
from timbrespace.datasets.layouts.nsynth import NSynth
from timbrespace.datasets.layouts.sol import Sol
from timbrespace.datasets.layouts.sub_folders import SubFolders

__all__ = ["FreesoundLoops", "Labels", "Layout", "NSynth", "Sol", "SubFolders"]
