"""Generated sounds for demonstrations, tests and tutorials: electronic loops, notes of instruments, percussion hits."""

from timbrespace.datasets.synthetic.hits import hits
from timbrespace.datasets.synthetic.library import write_library
from timbrespace.datasets.synthetic.loops import loops
from timbrespace.datasets.synthetic.notes import INSTRUMENTS, note, notes
from timbrespace.datasets.synthetic.sound import LabelledSound

__all__ = ["INSTRUMENTS", "LabelledSound", "hits", "loops", "note", "notes", "write_library"]
