"""The card of a model: what it is, for people."""

from __future__ import annotations

from typing import Any


def model_card(*, recipe: str, facts: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Markdown: what the model was trained on, how well it does, how to use it, what it cannot do."""
    data, training = facts["data"], facts["training"]
    company = f", in the company of generated sounds ({data['company']:.0%} of each batch)" if "company" in data else ""
    lines = [
        f"# A timbre space: {recipe}",
        "",
        f"Trained with timbrespace {facts['timbrespace']} on {data['files']} sounds"
        f" ({data['seconds'] / 60:.1f} minutes; {len(data['skipped'])} skipped){company}, seed {training['seed']}.",
        f"{training['steps']:,} steps in {training['seconds'] / 60:.1f} minutes on {training['device']}"
        f" with {training['threads']} thread(s); {training['energy']}.",
        "",
        f"Latents: {facts['latent_dim']} at {facts['rate_hz']:.2f} per second ({facts['ratio']} samples each),"
        f" {facts['sample_rate']} Hz, {facts['channels']} channel(s).",
        "",
        "## How well it does",
        "",
        f"- {metrics['advice']}",
        f"- {metrics['silent']}",
    ]
    for name in ("validation", "test"):
        if name in metrics:
            lines.append(_sounds_line(name, metrics[name]))
    if "map" in metrics:
        lines.append(_map_line(metrics["map"]))
    lines += [
        "",
        "## Limits",
        "",
        "It knows the sounds it was trained on; others come out as the nearest it can say. The phase is"
        " reconstructed, so that transients soften. The licence of the training sounds may extend to this model.",
        "",
    ]
    return "\n".join(lines)


def frame_card(*, recipe: str, facts: dict[str, Any], metrics: dict[str, Any]) -> str:
    """The card of a model of pictures."""
    data, training, test = facts["data"], facts["training"], metrics["test"]
    bound = (
        f"; NLL {test['nll_nats']:.2f} nats, standard error {test['nll_standard_error']:.2f} ({test['nll_samples']}"
        f" importance samples, {test['nll_pictures']} pictures), -ELBO {test['minus_elbo_nats']:.2f}"
        if "nll_nats" in test
        else ""
    )
    height, width = facts["size"][1:]
    lines = [
        f"# A space of pictures: {recipe}",
        "",
        f"Trained with timbrespace {facts['timbrespace']} on {data['splits']['train']['images']:,} pictures of"
        f" {height} x {width}, seed {training['seed']}.",
        f"{training['steps']:,} steps in {training['seconds'] / 60:.1f} minutes on {training['device']}"
        f" with {training['threads']} thread(s); {training['energy']}.",
        f"{facts['latent_dim']} latents, {facts['parameters']:,} parameters.",
        "",
        "## How well it does",
        "",
        f"- {metrics['advice']}",
        f"- {metrics['silent']}",
        f"- {test['pictures']:,} unseen pictures: {test['reconstruction_nats']:.2f} nats at the posterior mean, mean"
        f" squared error {test['mse']:.4f}, {test['active_units']} active latents{bound}.",
        "",
    ]
    return "\n".join(lines)


def _map_line(table: dict[str, Any]) -> str:
    explained, plane = max(table["explained"], 0.0), max(table["plane"], 0.0)
    return (
        "- The map in it (two networks, from the space to a plane and back), on training sounds that it was not made"
        f" of: it tells {explained:.0%} of where they lie (the principal plane {plane:.0%}), trustworthiness"
        f" {table['trustworthiness']:.2f}, continuity {table['continuity']:.2f}; it lies {table['map_error']:.0%} of"
        " its size off the UMAP it learned from."
    )


def _sounds_line(name: str, table: dict[str, Any]) -> str:
    convergence = table["spectral_convergence"]
    heard = (
        f"; spectral convergence {convergence['resynth_db']:.1f} dB"
        f" (transform alone {convergence['transform_alone_db']:.1f} dB)"
        if convergence
        else ""
    )
    return (
        f"- {name} sounds ({table['sounds']}, none of them learned from): {table['share']:.1%} of the log-mel is"
        f" unexplained, {table['ratio']:.2f} times what PCA leaves with as many numbers, better on"
        f" {table['better_on']:.0%} of the sounds{heard}."
    )
