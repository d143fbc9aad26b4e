# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The image companion: auto-encoders that one can see
#
# A timbre space is made by an *auto-encoder*. What it does to sound is easier to understand where its results are
# pictures: a blurred copy, a sample that is no digit, a dimension that does nothing are seen at once. Everything here
# has its counterpart in sound; the last section says which.
#
# The notebook runs in about a minute on the 1,797 digits of 8 x 8 cells that come with scikit-learn. Where MNIST is
# on this machine (`timbrespace data fetch mnist`) it takes that instead, and a quarter of an hour.

# %%
"""Auto-encoders that one can see, on digits or MNIST."""

import json
import math
import os
import tempfile
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import timbrespace
from timbrespace.core.errors import DataError
from timbrespace.core.seeds import torch_generator
from timbrespace.datasets import Images
from timbrespace.datasets.known import known_data
from timbrespace.evaluation.benchmark.judge import judge_of
from timbrespace.evaluation.benchmark.measured_codes import code_measures
from timbrespace.evaluation.benchmark.measured_samples import sample_measures
from timbrespace.latent.paths import line, slerp
from timbrespace.training.frame_assess import likelihood

try:
    DATA = known_data(os.environ.get("COMPANION_DATA", "mnist"))
except DataError:
    DATA = "digits"
SMALL = DATA == "digits"

pictures = Images(DATA).prepare()
train_set, test_set = pictures.split("train"), pictures.split("test")
test = test_set.batch(range(min(2000, len(test_set))))  # test.x (picture, channel, height, width), 0 or 1
grey_set = Images(DATA, binarise="none").prepare().split("test")
grey = grey_set.batch(range(len(test.x)))  # the same pictures as they were drawn, in [0, 1]
classes = test.labels["class"]
SIZE = test.x.shape[1:]
print(f"{len(train_set):,} pictures to learn from, {len(test_set):,} unseen ones, {SIZE[1]} x {SIZE[2]} cells each")


# %%
def tiles(axis, frames, columns, title=""):
    """Frames (picture, 1, height, width) in rows of ``columns``."""
    rows = frames.detach()[: len(frames) // columns * columns, 0].unflatten(0, (-1, columns))
    sheet = torch.nn.functional.pad(rows, (0, 1, 0, 1), value=0.2).transpose(1, 2).flatten(2).flatten(0, 1)
    axis.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axis.set_title(title, fontsize=9, loc="left")
    axis.axis("off")


def sheets(named, columns, width=9.0, across=1):
    """One sheet of tiles per name, ``across`` side by side."""
    down = math.ceil(len(named) / across)
    tallest = max(len(f) // columns for f in named.values())
    height = down * (width / across * tallest / columns * SIZE[1] / SIZE[2] + 0.3)
    _, axes = plt.subplots(down, across, figsize=(width, height), layout="constrained", squeeze=False)
    for axis, (title, frames) in zip(axes.flat, named.items(), strict=False):
        tiles(axis, frames, columns, title)
    for axis in axes.flat[len(named) :]:
        axis.axis("off")
    plt.show()


def table(rows, columns):
    """Rows of numbers by name."""
    width = max(map(len, rows)) + 2
    print(" " * width + "".join(f"{c:>16}" for c in columns))
    for name, values in rows.items():
        print(f"{name:<{width}}" + "".join(f"{'-' if v is None else format(v, '.3g'):>16}" for v in values))


# %% [markdown]
# ## 1. Three ideas, in few words
#
# An **auto-encoder** is a pair of functions: the encoder $f$ makes a few numbers $z = f(x)$ of a picture $x$, the
# decoder $g$ makes a picture of them again. Both are trained until $g(f(x))$ is close to $x$. The numbers are called
# *latents*: few of them must say what matters, and turning one of them is a knob for the picture. Nothing says where
# the latents lie, though: between two of them there may be nothing that was ever learned, and one cannot draw new
# ones.
#
# A **variational auto-encoder** (VAE; Kingma & Welling 2013, https://arxiv.org/abs/1312.6114) encodes to a small
# cloud $q(z|x) = \mathcal N(\mu(x), \sigma^2(x))$ instead of a point, and asks that the clouds lie about where the
# *prior* $p(z) = \mathcal N(0, I)$ lies. What it minimises is an upper bound on $-\log p(x)$:
#
# $$-\mathrm{ELBO} = \underbrace{-\mathbb E_{q(z|x)} \log p(x|z)}_{\texttt{reconstruction}}
#   + \beta \underbrace{\sum_j \tfrac12\left(\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2\right)}_{\texttt{kl}},
#   \qquad \beta = 1 .$$
#
# Both terms are in *nats* (1 nat = 1.44 bits) per picture: what it costs to tell the picture when its latents are
# known, and what it costs to tell the latents. A cell that is black or white has a *Bernoulli* likelihood, whose
# first term is the cross-entropy.
#
# A **Wasserstein auto-encoder** (WAE; Tolstikhin et al. 2018, https://arxiv.org/abs/1711.01558) does not press each
# cloud towards the prior. It only asks that *all codes together* lie as draws from the prior do. How far they are
# from that is measured by the maximum mean discrepancy, with a kernel $k$ (close to 1 for points that are close):
#
# $$\texttt{mmd} = \mathbb E\, k(z, z') + \mathbb E\, k(p, p') - 2\, \mathbb E\, k(z, p) .$$
#
# In timbrespace the three are one class, `AutoEncoder(network, bottleneck, prior, likelihood)`, and the *bottleneck*
# says which one it is: `Deterministic`, `Gaussian`, `Mmd`.
#
# **Exercise.** With $\mu_j = 0$ and $\sigma_j = 1$ a latent costs nothing. What does it tell the decoder?

# %% [markdown]
# ## 2. Train one
#
# A recipe is a file with every decision in it; `settings` change some of them. `image-vae` is the recipe for
# pictures.

# %%
temporary = tempfile.TemporaryDirectory()
MODELS = Path(temporary.name)  # any folder will do; a model is a folder in it

COMMON = [
    "training.precision=32-true",
    "training.evaluations=1",
    f"training.steps={600 if SMALL else 2000}",
    f"training.batch_size={64 if SMALL else 128}",
    f"model.network.hidden=[{128 if SMALL else 400}]",
    f"model.bottleneck.latent_dim={8 if SMALL else 16}",
]


def train(name, *settings, **options):
    """The recipe ``image-vae`` with our common settings and some more, in the folder ``name``.

    One recipe serves all our models: where one has no such loss term, its weight is passed over (``shared_weights``).
    """
    place, settings = MODELS / name, [*COMMON, *settings]
    return timbrespace.train("image-vae", DATA, out=place, settings=settings, shared_weights=True, **options)


vae = train("vae")
print(f"{vae.latent_dim} latents, {vae.facts()['parameters']:,} numbers to learn")

# %% [markdown]
# `encode_frames` gives the latents (picture, latent, 1), `decode_frames` the pictures that the decoder expects. It
# has never seen these. The data set tosses a coin for each cell, with its grey value as the probability of ink, and
# anew each time it is learned from; only the tossed picture is shown to the encoder. The decoder answers with a
# probability for each cell, so copies are grey again, and often nearer to what was drawn than what the encoder saw.

# %%
copies = vae.rebuild_frames(test.x[:20])
sheets({"unseen pictures": grey.x[:20], "as the encoder sees them": test.x[:20], "copies": copies}, columns=20)

# %% [markdown]
# **Exercises.** (a) Train with 2, 4 and 32 latents (`"model.bottleneck.latent_dim=2"`). From when on do copies stop
# getting better? (b) Which digits are copied worst? Compute the squared error per class.

# %% [markdown]
# ## 3. How good is it, in nats?
#
# The bound of section 1 holds for any encoder; with a poor one it is loose. *Importance weighting* (Burda et al.
# 2016, https://arxiv.org/abs/1509.00519) closes most of the gap by drawing $S$ latents per picture:
#
# $$-\log p(x) \le -\mathbb E \log \frac1S \sum_{s=1}^S w_s, \qquad
#   w_s = \frac{p(x|z_s)\, p(z_s)}{q(z_s|x)}, \quad z_s \sim q(z|x) .$$
#
# With $S = 1$ this is the ELBO; it can only fall as $S$ grows. A figure without its $S$ and its standard error says
# little. Every training writes both bounds, on the test pictures, into the model's `metrics.json`.

# %%
bounds = {}
for samples in (1, 5, 25, 125):
    nll, minus_elbo = likelihood(vae.model, test_set, examples=1000, samples=samples, seed=0)
    bounds[samples] = nll.mean
    print(f"S = {samples:>3}: {nll.mean:6.2f} nats, standard error {nll.standard_error:.2f}")

metrics = vae.bundle.table("metrics.json")
gap = metrics["test"]["minus_elbo_nats"] - metrics["test"]["nll_nats"]
print(
    f"-ELBO {metrics['test']['minus_elbo_nats']:.2f}, NLL {metrics['test']['nll_nats']:.2f}: the gap is {gap:.2f} nats"
)

# %% [markdown]
# **Exercises.** (a) A fair coin for each cell would cost 64 log 2 = 44.4 nats (784 log 2 = 543 on MNIST). How many
# nats does the average picture alone leave (one probability per cell, no latents)? (b) The standard error is that
# between pictures. To compare two models on the same pictures, which standard error should you use instead?

# %% [markdown]
# ## 4. Draw what was never there
#
# `sample` draws latents and decodes them. From the *prior*, as the theory has it; or from a Gaussian *mixture* of ten
# components that was fitted to the codes of the training pictures afterwards. The second needs no change of the
# model, and works for one whose codes do not lie as the prior does.

# %%
draws = {
    f"drawn from the {source}": vae.sample(40, generator=torch_generator(0, source), source=source)
    for source in ("prior", "mixture")
}
sheets(draws, columns=20)

# %% [markdown]
# To judge by eye is not enough. We train a small classifier on the real pictures and look through its eyes. The
# *Fréchet distance* compares mean and covariance of its features between real and drawn pictures (0 would be: alike).

# %%
judge = judge_of(DATA, MODELS / "judge")
print(f"The classifier is right about {judge.accuracy:.1%} of unseen pictures.")
vae_samples = sample_measures(vae, test_set, judge, seed=0)
for name in ("frechet_reconstruction", "frechet_prior", "frechet_mixture"):
    print(f"{name:<24}{vae_samples[name]:6.1f}")

# %% [markdown]
# **Exercises.** (a) Multiply the prior's draws by 0.7 before decoding (`vae.model.sample_latents`, then
# `vae.decode_frames`): what becomes better, what is lost? (b) Draw 1,000 pictures and let the classifier count the
# digits. Is any of them missing?

# %% [markdown]
# ## 5. From one to another
#
# Points on the straight line between two codes, decoded: the picture changes its mind on the way. In many dimensions
# a straight line passes nearer to the origin than nearly all codes lie; the *spherical* interpolation (Shoemake 1985)
# turns at a constant angular speed and keeps the distance. These are the paths that play sounds, too: there a point
# lasts a moment, here it is a picture, so `seconds` at one point per second is the number of pictures.

# %%
codes = vae.encode_frames(test.x)
ways, shortest = {}, {}
for name, path in (("straight", line), ("spherical", slerp)):
    rows = []
    for first, last in ((0, 1), (2, 3), (4, 5)):
        points = path(codes[first, :, 0], codes[last, :, 0], seconds=13, rate_hz=1).points
        shortest[name] = min(shortest.get(name, math.inf), float(points.norm(dim=1).min()))
        rows.append(vae.decode_frames(points[..., None]))
    ways[name] = torch.cat(rows)
sheets(ways, columns=13, across=2, width=10)
print(f"Half of all codes lie farther than {codes.norm(dim=1).median():.2f} from the origin;")
print(f"the straight paths come as near as {shortest['straight']:.2f}, the spherical ones {shortest['spherical']:.2f}.")

# %% [markdown]
# **Exercise.** How far from the origin do draws from $\mathcal N(0, I)$ lie on average in 2, 8 and 200 dimensions?
# For which of them does it matter whether one walks straight?

# %% [markdown]
# ## 6. Two latents: the whole space on one page
#
# With two latents one sees everything. On the left, the picture at each point of a grid: the grid's lines are
# quantiles of the prior, so that each tile stands for the same share of what the model would draw (the picture of
# Kingma & Welling). On the right, the codes of the pictures it learned from and of unseen ones, by class. The model
# was not told the classes.

# %%
flat = train("flat", "model.bottleneck.latent_dim=2")

side = 15
quantiles = torch.distributions.Normal(0.0, 1.0).icdf(torch.linspace(0.02, 0.98, side))
up, right = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
manifold = flat.decode_frames(torch.stack([right, up], dim=-1).reshape(-1, 2, 1))

figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
tiles(axes[0], manifold, side, "the manifold")
maps = {
    "codes of pictures it learned from": (flat.latent["vectors"][:2000], flat.latent["labels.class"][:2000]),
    "codes of unseen pictures": (flat.encode_frames(test.x)[..., 0], classes),
}
for axis, (title, (points, labels)) in zip(axes[1:], maps.items(), strict=True):
    marks = axis.scatter(points[:, 0], points[:, 1], c=labels, cmap="tab10", s=5, vmin=-0.5, vmax=9.5)
    axis.set(title=title, xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal", xlabel="latent 0")
    axis.title.set_fontsize(9)
figure.colorbar(marks, ax=axes[2], ticks=range(10), label="class")
plt.show()

# %% [markdown]
# How well do places tell classes? Each unseen picture is given the class of the learned picture whose code is
# nearest. Guessing would be right about one in ten.

# %%
neighbours = {}
for name, codec in (("2 latents", flat), (f"{vae.latent_dim} latents", vae)):
    known = codec.latent["vectors"].flatten(1)
    nearest = torch.cdist(codec.encode_frames(test.x).flatten(1), known).argmin(1)
    neighbours[name] = float((codec.latent["labels.class"][nearest] == classes).float().mean())
    print(f"{name}: {neighbours[name]:.1%} of unseen pictures lie next to one of their own class")

# %% [markdown]
# **Exercises.** (a) Where on the manifold is the picture that looks like no digit? Which classes meet there in the
# map? (b) Train `flat` again with `seed=1`. Is it the same map, turned or mirrored, or another one?

# %% [markdown]
# ## 7. What does each latent do?
#
# A *traversal* moves one latent and leaves the others where they are. Not all of them do something: one whose cloud
# is the prior itself ($\mathrm{KL}_j = 0$) says nothing, and the decoder has learned not to listen. Sorted by KL, the
# most talkative come first.

# %%
kl = torch.tensor(metrics["kl_per_dimension_nats"])
talkative = kl.argsort(descending=True)[:8]
steps = 11
grid = codes[0, :, 0].repeat(len(talkative), steps, 1)
for row, latent in enumerate(talkative):
    grid[row, :, latent] = torch.linspace(-2.5, 2.5, steps)
traversals = vae.decode_frames(grid.flatten(0, 1)[..., None])

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
tiles(left, traversals, steps, "one latent per row, from -2.5 to 2.5")
right.bar(range(len(kl)), kl.sort(descending=True).values)
right.set(xlabel="latents, most talkative first", ylabel="KL on unseen pictures, nats")
plt.show()

# %% [markdown]
# **Exercise.** Give the model four times as many latents than it has here. How many have a KL above 0.1 nats, and is
# the sum of them larger?

# %% [markdown]
# ## 8. Warm-up and beta
#
# At the beginning the decoder cannot read yet, and the cheapest thing the encoder can do is to say nothing. So one
# lets the weight of `kl` rise: in a straight line from 0 (Bowman et al. 2016), or again and again (*cyclical*, Fu et
# al. 2019), or one does not (*constant*). With few latents and an easy task the three arrive at nearly the same place;
# watch the way there, and the least talkative latents.

# %%
warm_ups = {
    "constant": ['training.weights.kl={kind="Constant"}'],
    "linear": [],  # the recipe's own: 200 steps
    "cyclical": ['training.weights.kl={kind="Cyclical", length=100, cycles=3}'],
}
warmed = {name: vae if name == "linear" else train(name, *settings) for name, settings in warm_ups.items()}

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
for shift, (name, codec) in enumerate(warmed.items()):
    diary = (codec.bundle.folder / "run" / "metrics.jsonl").read_text(encoding="utf-8")
    told = [entry for entry in map(json.loads, diary.splitlines()) if "kl" in entry]
    left.plot([entry["step"] for entry in told], [entry["kl"] for entry in told], label=name)
    bars = sorted(codec.bundle.table("metrics.json")["kl_per_dimension_nats"], reverse=True)
    right.bar([i + 0.27 * (shift - 1) for i in range(len(bars))], bars, 0.27, label=name)
left.set(xlabel="training step", ylabel="KL while training, nats")
left.set_ylim(bottom=0)
right.set(xlabel="latents, most talkative first", ylabel="KL on unseen pictures, nats")
right.legend(frameon=False)
plt.show()

tests = {name: codec.bundle.table("metrics.json")["test"] for name, codec in warmed.items()}
table({name: (t["minus_elbo_nats"], t["nll_nats"], t["active_units"]) for name, t in tests.items()},
      ["-ELBO", "NLL", "active latents"])  # fmt: skip

# %% [markdown]
# The final weight is called *beta* (Higgins et al. 2017). Below 1 copies are worth more than order, above 1 less; at
# 0 nothing keeps codes near the prior. Five values, with everything else the same:

# %%
betas = {
    beta: vae if beta == 1 else train(f"beta-{beta}", f"training.weights.kl.end={beta}") for beta in (0, 0.25, 1, 2, 4)
}
rows, shown = {}, {}
for beta, codec in betas.items():
    found = codec.bundle.table("metrics.json")
    kl = sum(found["kl_per_dimension_nats"])
    rows[f"beta {beta}"] = (found["test"]["reconstruction_nats"], kl, found["test"]["minus_elbo_nats"],
                            found["test"]["nll_nats"], found["test"]["active_units"])  # fmt: skip
    both = [codec.rebuild_frames(test.x[:10]), codec.sample(10, generator=torch_generator(1))]
    shown[f"beta {beta}: copies, then samples from the prior"] = torch.cat(both)
table(rows, ["reconstruction", "KL", "-ELBO", "NLL", "active latents"])
sheets({"unseen pictures": test.x[:20], **shown}, columns=20)

# %%
figure, axes = plt.subplots(1, len(betas), figsize=(10, 2.2), layout="constrained", sharey=True)
for axis, (beta, codec) in zip(axes, betas.items(), strict=True):
    bars = sorted(codec.bundle.table("metrics.json")["kl_per_dimension_nats"], reverse=True)
    axis.bar(range(len(bars)), bars)
    axis.set_title(f"beta {beta}", fontsize=9)
    axis.set_xticks([])
    axis.set_xlabel("latents, most talkative first", fontsize=8)
axes[0].set(ylabel="KL, nats", yscale="log", ylim=(1e-3, 30))
plt.show()

# %% [markdown]
# **Exercises.** (a) Which beta has the lowest NLL, and why could it not be expected to be another one?
# (b) With beta 4, sample from the mixture instead of the prior. Does it matter less than with beta 0? Why?

# %% [markdown]
# ## 9. Networks
#
# The encoder and the decoder are functions of some shape: a *perceptron* (every cell connected to every unit), a
# *convolutional* network (the same small filters everywhere, half the size after each layer), a *residual* one
# (deeper, with short cuts). Batch normalisation is an option of all. With a thousand small pictures the plainest is
# hard to beat; look at MNIST before you conclude anything.

# %%
networks = {
    "perceptron": vae,
    "perceptron, batch norm": train("mlp-bn", "model.network.batch_norm=true"),
    "convolutional": train("conv", 'model.network={kind="Conv2d", channels=[16, 32], dense=64, activation="gelu"}'),
    "residual": train(
        "residual", 'model.network={kind="Residual2d", channels=[16, 32], dense=64, fine=0, activation="gelu"}'
    ),
}
rows = {}
for name, codec in networks.items():
    found, facts = codec.bundle.table("metrics.json")["test"], codec.facts()
    rows[name] = (facts["parameters"], found["minus_elbo_nats"], found["nll_nats"], found["nll_standard_error"])
table(rows, ["parameters", "-ELBO", "NLL", "standard error"])

# %% [markdown]
# **Exercises.** (a) Give the convolutional network three times as many steps. Does it catch up? (b) `batch_norm=true`
# for the residual network: is the result inside two standard errors?

# %% [markdown]
# ## 10. A Wasserstein auto-encoder beside the VAE
#
# One setting changes the bottleneck, another gives the new term `mmd` its weight; the rest is the same. It has no
# posterior with a density, so no ELBO and no NLL: it has to be compared by what one can do with it. (`mmd_prior` and
# `sliced_wasserstein_prior`: how far the codes of unseen pictures are from the prior. Everything but the sharpness,
# a share of the real pictures', is better when it is lower.)

# %%
wae = train(
    "wae",
    f'model.bottleneck={{kind="Mmd", latent_dim={vae.latent_dim}}}',
    'training.weights.mmd={kind="Linear", end=100.0, length=200}',
)
rows = {}
for codec in (vae, wae):
    found = {"mse": codec.bundle.table("metrics.json")["test"]["mse"]}
    found |= code_measures(codec, test_set, seed=0) | sample_measures(codec, test_set, judge, seed=0)
    for measure in ("mse", "mmd_prior", "sliced_wasserstein_prior", "frechet_reconstruction", "frechet_prior",
                    "frechet_mixture", "sharpness"):  # fmt: skip
        rows.setdefault(measure, []).append(found[measure])
table(rows, ["VAE", "WAE-MMD"])
compared = rows

shown = {}
for name, codec in (("VAE", vae), ("WAE", wae)):
    shown[f"{name}: copies"] = codec.rebuild_frames(test.x[:10])
    shown[f"{name}: from the prior"] = codec.sample(10, generator=torch_generator(2))
    shown[f"{name}: from the mixture"] = codec.sample(10, generator=torch_generator(2), source="mixture")
sheets(shown, columns=10, across=3, width=10)

# %% [markdown]
# **Exercises.** (a) Weights 10 and 1000 for `mmd`: how do the copies pay for order? (b) Another prior for the WAE:
# `'model.prior={kind="Uniform"}'`. Do the same for the VAE and read the sentence you get.

# %% [markdown]
# ## 11. Codes instead of numbers: the VQ-VAE
#
# A *vector-quantised* auto-encoder (van den Oord et al. 2017, https://arxiv.org/abs/1711.00937) replaces each vector
# by the nearest of $K$ learned ones. A picture becomes a small map of integers, like a score. Gradients pass the
# rounding as if it were not there (*straight-through*); the term `commitment` keeps the encoder near the codes, and
# the codes follow what they gather as moving averages. There is no prior: which maps are pictures has to be learned
# by a second model.
#
# Whether the codebook is used is told by the *perplexity*, $\exp(-\sum_k p_k \log p_k)$ of how often each code
# occurs: $K$ if all are used alike, 1 if only one is.

# %%
K = 32
vq = train(
    "vq",
    "model.prior=none",
    f'model.network={{kind="Conv2d", channels={[32] if SMALL else [32, 64]}, activation="gelu"}}',
    "model.network.dense=none",  # no fully connected layer: every cell of the smallest map has a code of its own
    f'model.bottleneck={{kind="VectorQuantized", latent_dim=8, codebook_size={K}}}',
    'training.weights.commitment={kind="Constant", weight=0.25}',
)
found, used = vq.bundle.table("metrics.json")["test"], code_measures(vq, test_set, seed=0)
vae_mse = metrics["test"]["mse"]
print(f"copies: {found['reconstruction_nats']:.2f} nats, squared error {found['mse']:.4f} (VAE: {vae_mse:.4f})")
print(f"{used['code_usage']:.0%} of {K} codes used, perplexity {used['perplexity']:.1f}")

level = vq.model.encode(test.x[:10]).levels[0]
maps = level.codes.unflatten(1, vq.model.network.grid)
cells = maps[0].numel()
print(f"one picture: {cells} codes of {math.log2(K):.0f} bits = {cells * math.log2(K) * math.log(2):.1f} nats at most")

figure, axes = plt.subplots(3, 1, figsize=(8, 2.8), layout="constrained")
tiles(axes[0], test.x[:10], 10, "unseen pictures")
tiles(axes[1], maps[:, None] / (K - 1), 10, "their codes")
tiles(axes[2], vq.rebuild_frames(test.x[:10]), 10, "copies")
plt.show()

# %% [markdown]
# The squared error is far below the VAE's, but it is no fair race: compare the nats per picture that the codes may
# hold with the VAE's KL in section 8.
#
# **Exercises.** (a) 8 and 128 codes: how do copies, perplexity and usage change? (b) Replace all codes of a picture
# by random ones and decode (`vq.model.bottleneck.vectors_of`). What does that say about drawing from such a model?

# %% [markdown]
# ## 12. Linear layers only, epoch by epoch
#
# Many first VAEs, the granular project's among them, have linear layers with one hidden layer of 400 units between 784
# cells and 20 latents, grey values in place of tossed cells, and no warm-up. Their loss is quoted as "about 104 on
# MNIST": reconstruction plus KL of a picture, from one draw of its latents. (It is no likelihood: the cross-entropy of
# grey values is not a density.) Here, nine epochs of MNIST give 104.3 nats on the 10,000 test pictures, 79.6 for the
# picture and 24.7 for the code, in less than a minute of one core. Judged at posterior means instead of draws, the same
# model seems to cost 96.5 (pictures held back): a figure of this kind means nothing until one knows how it was taken.
#
# The training keeps pictures for TensorBoard on its way; here they are, unseen pictures above their copies.

# %%
epochs = 45 if SMALL else 9
linear = train(
    "linear-layers",
    "data.binarise=none",
    'model.network={kind="Mlp", hidden=[400], activation="relu"}',
    'model.bottleneck={kind="Gaussian", latent_dim=20, initial_log_var=0.0}',
    "model.centred=false",
    'training.weights.kl={kind="Constant"}',
    "training.evaluations=9",
    epochs=epochs,
)
events = EventAccumulator(str(MODELS / "linear-layers" / "run" / "tensorboard"), size_guidance={"images": 0}).Reload()
kept = events.Images("unseen pictures")
figure, axes = plt.subplots(math.ceil(len(kept) / 3), 3, figsize=(9, 3.4), layout="constrained")
for number, (axis, event) in enumerate(zip(axes.flat, kept, strict=False), start=1):
    picture = plt.imread(BytesIO(event.encoded_image_string))
    axis.imshow(picture[:, : 8 * SIZE[2]], interpolation="nearest")
    axis.set_title(f"epoch {number * epochs // len(kept)}", fontsize=8)
    axis.axis("off")
plt.show()

with torch.no_grad():
    everything = grey_set.batch(range(len(grey_set)))
    terms = linear.model.losses(everything, "model", step=0, generator=torch_generator(0, "one draw"))
loss = float(terms["reconstruction"] + terms["kl"])
print(f"{epochs} epochs: {loss:.2f} nats per unseen picture ({terms['reconstruction']:.2f} + KL {terms['kl']:.2f})")

# %% [markdown]
# **Exercise.** What is the least that grey values can cost by this loss, if copies were perfect and latents free?
# (The cross-entropy of a grey value with itself is not 0.) How much of the loss is left above it?

# %% [markdown]
# ## 13. From here to sound
#
# | here | in a timbre space |
# |---|---|
# | picture of cells | log-mel spectrogram: bands x frames |
# | one code per picture | one code per moment, so a sound is a path |
# | Bernoulli likelihood | Gaussian or spectral likelihood |
# | drawing from prior or mixture | a walk where the training sounds lie |
# | line and spherical interpolation | from one sound to another (`timbrespace path`) |
# | map by class | the map in the browser (`timbrespace play`) |
# | KL per dimension, silent latents | which sliders count (`timbrespace explore`) |
#
# One seed of one small data set proves little. `timbrespace bench autoencoders` trains all members of the family on
# MNIST and Fashion-MNIST, several seeds each, and says which differences hold.
#
# **Exercise.** `timbrespace train temporal-vae --data YOUR_SOUNDS --minutes 10 --out MODEL`, then open the report of
# `timbrespace explore`. Which of the figures there did you meet here?
