"""What the report says about itself: what one sees in each section, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Measures that answer one question together."""

    title: str
    words: str
    measures: tuple[str, ...]


GROUPS = (
    Group(
        "Copying",
        "How well does a model give back an image that it has never seen? Every number compares test images with their"
        " copies; read down a column to compare the models.",
        (
            "reconstruction", "mse", "reconstruction_accuracy", "frechet_reconstruction", "sharpness", "perplexity",
            "code_usage",
        ),
    ),
    Group(
        "Probability and order",
        "How likely does a model find new images, and how well do its codes fill the space from which it invents?"
        " A model whose codes lie far from its prior copies well and invents badly.",
        ("elbo", "nll", "kl", "active_units", "mmd_prior", "sliced_wasserstein_prior"),
    ),
    Group(
        "Inventing",
        "How good are images that a model makes up? A classifier that knows the data looks at them: are they clear,"
        " of all classes, close to real ones (precision, density) and as varied (recall, coverage)?",
        (
            "frechet_prior", "frechet_mixture", "sample_entropy", "sample_balance", "precision", "recall", "density",
            "coverage", "mmd_data",
        ),
    ),
)  # fmt: skip
"""Measures that no group names come last, in a group of their own."""
OTHER = Group("Further measures", "What else was measured. Units and directions stand in the head of the table.", ())
COST = Group(
    "Cost",
    "What did the training of a model take? All models had the same budget where the grid says so; seconds and joules"
    " are means over the seeds, parameters are counts.",
    (),
)

SHORT = (
    "What this page says, in a few lines; the sections below show where it comes from. The bar above chooses the data"
    " and the models that are shown."
)
TABLE = (
    "Every model in a row, every measure in a column: the mean over the seeds, ± half of the range in which it lies"
    " with 95 % confidence. An arrow tells which way is better; a star marks the best of a column only where the ranges"
    " of its differences to all others say so, else dots mark those that cannot be told apart from the best."
)
CURVES = (
    "How each model got better while it learned: one small picture per model, all with the same axes, one line per"
    " seed. The pale lines behind are all models; where less is better (nats, errors), a line along their lower edge is"
    " a model that does better than most."
)
RECONSTRUCTIONS = (
    "The same sixteen test images for all: the first row shows the originals, each row beneath shows what one model"
    " makes of them. Look for strokes that got lost, and for blur."
)
SAMPLES = (
    "Images that nobody drew. On the left the model decodes random points of its prior, on the right random points"
    " where its own codes lie (a mixture of Gaussians fitted to them); good models show clear and different images,"
    " and little difference between left and right."
)
TRAVERSALS = (
    "Each row turns one knob of the model, one number of its code, from low to high; everything else stays."
    " A row that does not change is a knob the model does not use; a useful one changes one thing smoothly."
)
INTERPOLATIONS = (
    "Each row goes from one test image to another through the model's space: first in a straight line, beneath it"
    " along an arc, which keeps the distance from the middle. A good space shows believable images all the way."
)
MANIFOLD = (
    "A model with two numbers per image can be seen whole: every tile is what one point of the plane decodes to, and"
    " each stands for as many images. Neighbours should look alike, and few tiles should look like nothing."
)
MAPS = (
    "Where the model puts each image, coloured and shaped by class: left images it learned from, right images it never"
    " saw. Two numbers per image are shown as they are; more are turned so that the two widest directions of the"
    " training images show, with the same axes on both sides. Classes that lie apart without having been told are a"
    " sign of order; left and right should look alike."
)
KL = (
    "How much each number of the code tells about the image (in nats, the widest first), averaged over the test"
    " images. Bars near zero are numbers that the model does not use."
)
SCATTER = (
    "Does a model whose codes fill the prior better invent better images? Every number is one model of the table:"
    " to the left its codes match the prior, at the bottom its samples are close to real images."
)
EXPECTATIONS = (
    "What each variation should do was written down with its date; what was written after trainings had finished says"
    " so. Beside it stands what happened: held or not only if the whole 95 % range of the difference lies on one side,"
    " else not decided."
)
FINDINGS = (
    "What changing one thing does, everything else being equal, and whether it does so for one kind of model or for"
    " both. A sentence stands here only if its 95 % range leaves zero out, with all comparisons of a measure in mind."
)
CHOICE = (
    "The models that go on from images to sound are chosen by a rule, not by taste. The rule was written into the"
    " program before the runs, and the program carries it out."
)
SETTING = (
    "How to get the same numbers again, and what they were computed with. Joules carry a label: measured by the"
    " processor's counter, estimated, or computed from an assumed power that nobody checked (unvalidated)."
)

CURVE_TITLES = {
    "train": "Unexplained share of training images",
    "unexplained": "Unexplained share of unseen images",
}
CLASSES = {
    "mnist": tuple("0123456789"),
    "digits": tuple("0123456789"),
    "fashion": (
        "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
}  # fmt: skip
"""Names of the classes 0, 1, ... of the data sets we know."""
DATA_TITLES = {"mnist": "MNIST", "fashion": "Fashion-MNIST", "digits": "scikit-learn's digits"}


def data_title(name: str) -> str:
    """A data set's name as people write it."""
    return DATA_TITLES.get(name, name)


def class_names(data: str, n_classes: int) -> tuple[str, ...]:
    """The names of a data set's classes; of one we do not know, their numbers."""
    known = CLASSES.get(data, ())
    return known if len(known) >= n_classes else tuple(f"class {k}" for k in range(n_classes))
