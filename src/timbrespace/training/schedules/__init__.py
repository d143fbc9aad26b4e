"""The catalogue of schedules: what is exported here exists."""

from timbrespace.training.schedules.base import Schedule
from timbrespace.training.schedules.constant import Constant
from timbrespace.training.schedules.cyclical import Cyclical
from timbrespace.training.schedules.linear import Linear

__all__ = ["Constant", "Cyclical", "Linear", "Schedule"]
