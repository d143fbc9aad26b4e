"""Motion of hands and other things: read from files, mended, smoothed, resampled; nothing here knows of sound."""

from timbrespace.motion.library import draw, gestures_in
from timbrespace.motion.reading import read_motion
from timbrespace.motion.track import Stretch, Track, gestures

__all__ = ["Stretch", "Track", "draw", "gestures", "gestures_in", "read_motion"]
