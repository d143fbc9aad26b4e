"""A self-contained HTML page: text, pictures and playable sounds in one file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import soundfile
from torch import Tensor

STYLE = """
:root { color-scheme: light; --ink: #22242a; --soft: #6b6f7a; --line: #e3e4e8; --accent: #2a6f97; }
* { box-sizing: border-box; }
body { font: 17px/1.55 system-ui, sans-serif; color: var(--ink); background: #fff; margin: 0 auto;
  max-width: 60rem; padding: 2rem 1.2rem 5rem; }
h1 { font-size: 2rem; margin: 0 0 .3rem; } h2 { font-size: 1.3rem; margin: 3rem 0 .4rem; }
p { max-width: 44rem; } .lead { color: var(--soft); margin-top: 0; } small { color: var(--soft); }
img { max-width: 100%; height: auto; display: block; margin: .8rem 0; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .35rem .9rem .35rem 0; text-align: left;
  border-bottom: 1px solid var(--line); vertical-align: middle; } td.n { font-variant-numeric: tabular-nums; }
audio { height: 2.2rem; width: 15rem; max-width: 100%; display: block; }
code, pre { font: 14px/1.5 ui-monospace, monospace; background: #f5f6f8; border-radius: 4px; }
code { padding: .1rem .3rem; } pre { padding: .8rem 1rem; overflow-x: auto; }
"""


def page(title: str, lead: str, sections: Sequence[str], *, style: str = "") -> str:
    """The whole document; ``sections`` are HTML already, ``style`` is CSS added to the common one."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>\n<body>\n"
        f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n' + "\n".join(sections) + "\n</body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A heading and what follows it."""
    return f"<section><h2>{escape(title)}</h2>\n" + "\n".join(parts) + "</section>"


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def picture(png: bytes, alt: str) -> str:
    """A picture inside the page; ``alt`` says what it shows."""
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def player(sound: Tensor, sample_rate: int, label: str) -> str:
    """A player of a sound (channel, time) inside the page, as 16-bit FLAC."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound.clamp(-1, 1).T.numpy(), sample_rate, format="FLAC", subtype="PCM_16")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<audio controls preload="none" aria-label="{escape(label)}" src="data:audio/flac;base64,{data}"></audio>'


MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def compact_player(sound: Tensor, sample_rate: int, label: str) -> str:
    """A player like :func:`player`, a quarter of its size: MP3 where it can hold the sound, else FLAC."""
    if sample_rate not in MP3_RATES or sound.shape[0] > 2:
        return player(sound, sample_rate, label)
    buffer = io.BytesIO()
    samples = sound.clamp(-1, 1).T.contiguous().numpy()
    with soundfile.SoundFile(buffer, "w", sample_rate, sound.shape[0], format="MP3", subtype="MPEG_LAYER_III") as file:
        for first in range(0, len(samples), 65_536):  # libsndfile's lossy encoders overflow on long writes
            file.write(samples[first : first + 65_536])
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<audio controls preload="none" aria-label="{escape(label)}" src="data:audio/mpeg;base64,{data}"></audio>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f'<td class="n">{cell}</td>' for cell in row) + "</tr>\n" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def commands(text: str) -> str:
    """Lines to type."""
    return f"<pre>{escape(text)}</pre>"


def escape(text: str) -> str:
    """Text safe inside HTML."""
    return html.escape(text, quote=True)
