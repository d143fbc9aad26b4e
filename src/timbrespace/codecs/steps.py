"""A codec's two halves as pure functions of one latent step: what is exported, and what live engines run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.layers.live_step import LiveStep
from timbrespace.layers.memory import Memory
from timbrespace.models.autoencoder import AutoEncoder
from timbrespace.models.base import Model
from timbrespace.models.networks.base import CANNOT_STREAM, Network

if TYPE_CHECKING:
    from timbrespace.codecs.sound import SoundCodec

SETTLED = 64
"""Steps of silence after which an analysis says what silence is."""


def decoder_step(codec: SoundCodec) -> LiveStep:
    """``wave, *state = step(z, *state)``: latents (batch, latent, 1) to a wave (batch, channel, ``codec.ratio``).

    The model's decoder with its memories, then the transform's live inverse. Raises :class:`ParameterError` where the
    decoder needs the whole or the transform has no inverse of that form.
    """
    if codec.lookahead is None:
        raise ParameterError(CANNOT_STREAM)
    synthesis = codec.transform.synthesis_step(channels=codec.channels)
    return DecoderStep(codec.model, synthesis, lookahead=codec.lookahead, ratio=codec.ratio).eval()


def encoder_step(codec: SoundCodec) -> LiveStep:
    """``z, *state = step(wave, *state)``: a wave (batch, channel, ``codec.ratio``) to latents (batch, latent, 1).

    Posterior means, without the refinement that ``encode`` may add; ``latency`` in samples is a whole number of latent
    steps. A causal encoder remembers; another one sees as many frames around the step as it needs, and its answer is
    that of the whole sound away from its ends. Raises :class:`ParameterError` where neither is possible.
    """
    model = codec.model
    if not isinstance(model, AutoEncoder):
        raise ParameterError(f"{type(model).__name__} has no encoder that could be exported.")
    analysis = codec.transform.analysis_step(channels=codec.channels)
    if analysis.latency % codec.transform.hop_length:
        raise ParameterError(
            f"The live analysis trails by {analysis.latency} samples, which is no whole number of hops of"
            f" {codec.transform.hop_length}; give it a latency that is one."
        )
    network, hop = model.network, codec.transform.hop_length
    if network.encoder_lookahead is not None:
        return CausalEncoderStep(
            model, analysis, lookahead=network.encoder_lookahead, hop=hop, channels=codec.channels
        ).eval()
    if network.encoder_reach is not None:
        return WindowEncoderStep(model, analysis, reach=network.encoder_reach, hop=hop, channels=codec.channels).eval()
    raise ParameterError(f"The encoder of {type(network).__name__} needs the whole sound; it cannot encode live.")


class DecoderStep(LiveStep):
    """A model's decoder, then a live inverse.

    A decoder that looks ahead says nothing of meaning in its first ``lookahead`` steps: there the inverse keeps its
    state and the output is zero. A counter in the state knows, so that nothing branches.
    """

    def __init__(self, model: Model, synthesis: LiveStep, *, lookahead: int, ratio: int) -> None:
        super().__init__()
        self.model, self.synthesis = model, synthesis
        self.lookahead = lookahead
        self.latency = lookahead * ratio + synthesis.latency
        self.memory = _memory_of_decoder(model)
        self.inverse = _State(synthesis.initial())

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        counter = (torch.zeros(batch, 1),) if self.lookahead else ()
        return (*self.memory.initial(batch), *self.inverse.initial(batch), *counter)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        batch, n = x.shape[0], self.memory.count
        held = self.inverse.filled(state[n : n + self.inverse.count], batch)
        memory = Memory(self.memory.filled(state[:n], batch))
        frames = self.model.decode_next(x, memory)
        wave, *after = self.synthesis(frames, *held)
        remembered = self.memory.kept(memory.state())
        if not self.lookahead:
            return (wave, *remembered, *self.inverse.kept(after))
        counter = state[-1]
        speaks = counter >= self.lookahead
        after = [_where(speaks, new, old) for new, old in zip(after, held, strict=True)]
        counter = (counter + 1).clamp(max=self.lookahead)
        return (_where(speaks, wave, None), *remembered, *self.inverse.kept(after), counter)


class CausalEncoderStep(LiveStep):
    """A live analysis, then an encoder that remembers."""

    def __init__(self, model: AutoEncoder, analysis: LiveStep, *, lookahead: int, hop: int, channels: int) -> None:
        super().__init__()
        self.model, self.analysis = model, analysis
        self.frames = _Delay(analysis, ratio=model.ratio, hop=hop, channels=channels)
        self.latency = self.frames.latency + lookahead * model.ratio * hop
        self.memory = _memory_of_encoder(model.network, model.ratio)
        self.analysed = _State(analysis.initial())

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return (*self.memory.initial(batch), *self.analysed.initial(batch), *self.frames.initial(batch))

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        batch, n, m = x.shape[0], self.memory.count, self.memory.count + self.analysed.count
        arrived, *analysed = self.analysis(x, *self.analysed.filled(state[n:m], batch))
        frames, *late = self.frames(arrived, *state[m:])
        memory = Memory(self.memory.filled(state[:n], batch))
        z = self.model.bottleneck(self.model.network.encode_next(frames, memory)).z
        return (z, *self.memory.kept(memory.state()), *self.analysed.kept(analysed), *late)


class WindowEncoderStep(LiveStep):
    """A live analysis, then an encoder that sees the steps it needs on both sides of the one it speaks of."""

    def __init__(
        self, model: AutoEncoder, analysis: LiveStep, *, reach: tuple[int, int], hop: int, channels: int
    ) -> None:
        super().__init__()
        self.model, self.analysis = model, analysis
        self.before, after = reach
        self.frames = _Delay(analysis, ratio=model.ratio, hop=hop, channels=channels, more=sum(reach))
        self.latency = self.frames.latency + after * model.ratio * hop
        self.analysed = _State(analysis.initial())

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return (*self.analysed.initial(batch), *self.frames.initial(batch))

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        n = self.analysed.count
        arrived, *analysed = self.analysis(x, *self.analysed.filled(state[:n], x.shape[0]))
        frames, *late = self.frames(arrived, *state[n:])
        z = self.model.encode(frames).levels[0].z
        return (z[..., self.before : self.before + 1], *self.analysed.kept(analysed), *late)


class _Delay(LiveStep):
    """Frames grouped as the whole sound's are, with those of ``more`` latent steps before the newest group.

    An analysis that trails by some frames cuts groups elsewhere than the whole sound does; here they are held until
    they fit. Held frames are stored less the frame of silence, so that a state of zeros is silence.
    """

    silence: Tensor

    def __init__(self, analysis: LiveStep, *, ratio: int, hop: int, channels: int, more: int = 0) -> None:
        super().__init__()
        late = analysis.latency // hop
        self.extra = -late % ratio
        self.kept = self.extra + more * ratio
        self.latency = (late + self.extra) * hop
        self.register_buffer("silence", _silence(analysis, samples=ratio * hop, channels=channels), persistent=False)

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return (torch.zeros(batch, *self.silence.shape[1:3], self.kept),) if self.kept else ()

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        if not self.kept:
            return (x,)
        held = torch.cat([state[0], x - self.silence], dim=-1)
        n = held.shape[-1]
        return held[..., : n - self.extra] + self.silence, held[..., n - self.kept :]


class _State:
    """The tensors that a part hands from step to step, without those that are empty: an engine has no use for them."""

    def __init__(self, initial: Sequence[Tensor]) -> None:
        self._initial = list(initial)
        self.count = sum(t.numel() > 0 for t in initial)

    def initial(self, batch: int) -> list[Tensor]:
        return [_repeated(t, batch) for t in self._initial if t.numel()]

    def filled(self, kept: Sequence[Tensor], batch: int) -> list[Tensor]:
        """All tensors of the part, from those that are kept."""
        given = iter(kept)
        return [next(given) if t.numel() else _repeated(t, batch) for t in self._initial]

    def kept(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [t for t, initial in zip(tensors, self._initial, strict=True) if initial.numel()]


def _repeated(tensor: Tensor, batch: int) -> Tensor:
    return tensor.repeat(batch, *[1] * (tensor.ndim - 1))


class _FirstMemory(Memory):
    """A memory without a past that notes what each layer begins with."""

    def __init__(self) -> None:
        super().__init__()
        self.first: list[Tensor] = []

    def extend(self, x: Tensor, reach: int) -> Tensor:
        self.first.append(x.new_zeros(*x.shape[:2], reach))
        return super().extend(x, reach)

    def remembered(self, initial: Sequence[Tensor], *, like: Tensor) -> tuple[Tensor, ...]:
        self.first.extend(t.clone() for t in initial)
        return super().remembered(initial, like=like)


@torch.no_grad()
def _memory_of_decoder(model: Model) -> _State:
    memory = _FirstMemory()
    model.decode_next(torch.zeros(1, model.latent_dim, 1), memory)
    return _State(memory.first)


@torch.no_grad()
def _memory_of_encoder(network: Network, steps: int) -> _State:
    memory = _FirstMemory()
    network.encode_next(torch.zeros(1, network.n_channels, network.n_features, steps), memory)
    return _State(memory.first)


def _where(speaks: Tensor, new: Tensor, old: Tensor | None) -> Tensor:
    """``new`` where the example's counter says so, else ``old``, or zero."""
    signals = new.shape[0] // speaks.shape[0]  # of each example, in states that are kept by signal
    chosen = speaks.repeat_interleave(signals, dim=0) if signals > 1 else speaks
    chosen = chosen.reshape(-1, *[1] * (new.ndim - 1))
    return torch.where(chosen, new, torch.zeros_like(new) if old is None else old)


@torch.no_grad()
def _silence(analysis: LiveStep, *, samples: int, channels: int) -> Tensor:
    """The frame (1, channel, feature, 1) that an analysis gives for silence."""
    state: Sequence[Tensor] = analysis.initial()
    for _ in range(SETTLED):
        frames, *state = analysis(torch.zeros(1, channels, samples), *state)
    return frames[..., -1:].clone()
