"""Wave to frames and back: transforms, and the phase reconstructions their inverse can use."""

from timbrespace.transforms.base import AudioTransform, PhaseReconstruction
from timbrespace.transforms.griffin_lim import GriffinLim
from timbrespace.transforms.mel import LogMel
from timbrespace.transforms.pghi import Pghi
from timbrespace.transforms.stft import LogStft

__all__ = ["AudioTransform", "GriffinLim", "LogMel", "LogStft", "Pghi", "PhaseReconstruction"]
