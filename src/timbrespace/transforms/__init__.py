"""Wave to frames and back: transforms, and the phase reconstructions their inverse can use, at leisure or live."""

from timbrespace.transforms.base import AudioTransform, LivePhase, PhaseReconstruction
from timbrespace.transforms.grains import Grains
from timbrespace.transforms.griffin_lim import GriffinLim
from timbrespace.transforms.mel import LogMel
from timbrespace.transforms.peaks import Peaks
from timbrespace.transforms.pghi import Pghi
from timbrespace.transforms.phased_stft import PhasedStft
from timbrespace.transforms.rtisi import RtIsi
from timbrespace.transforms.rtpghi import RtPghi
from timbrespace.transforms.stft import LogStft

__all__ = [
    "AudioTransform",
    "Grains",
    "GriffinLim",
    "LivePhase",
    "LogMel",
    "LogStft",
    "Peaks",
    "Pghi",
    "PhaseReconstruction",
    "PhasedStft",
    "RtIsi",
    "RtPghi",
]
