"""The axes of every array, spelled once.

===========  ===============================  ====================================================
name         axes                             meaning
===========  ===============================  ====================================================
``Wave``     (batch, channel, time)           samples in [-1, 1], float32
``Sound``    (channel, time)                  the same without a batch: one file
``Frames``   (batch, channel, feature, frame) a transform's output; an image is one channel of it
``Latents``  (batch, latent, step)            one vector per latent step; an image has one step
===========  ===============================  ====================================================
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

Wave = Float[Tensor, "batch channel time"]
Sound = Float[Tensor, "channel time"]
Frames = Float[Tensor, "batch channel feature frame"]
Latents = Float[Tensor, "batch latent step"]
Statistics = Float[Tensor, "batch statistic step"]
PerExample = Float[Tensor, "batch"]
Scalar = Float[Tensor, ""]
