"""Figures as SVG: bars side by side on a logarithmic scale, and curves over a size. Without a library.

A bar ends at the median, the thin line goes on to the worst; the dashed line is the limit. What is zero has no bar.
"""

import html
import math
import re

from measure.figure import OURS, summary

COLOURS = {OURS: "#1f6feb", "client-go": "#d9822b", "Python client": "#8250df", "operator-lib": "#2da44e"}
LIMIT_COLOUR, TEXT, GRID = "#cf222e", "#24292f", "#d0d7de"
WIDTH, LEFT, RIGHT, LINE = 760, 150, 110, 26


def colour(who):
    return COLOURS.get(who, "#57606a")


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


class Scale:
    """Logarithmic, from a power of ten to one; positions in pixels."""

    def __init__(self, values, begin, end):
        known = [value for value in values if value > 0] or [1.0]
        self.low, self.high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
        self.high = max(self.high, self.low + 1)
        self.begin, self.end = begin, end

    def at(self, value):
        if value <= 0:
            return self.begin
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + min(max(part, 0.0), 1.0) * (self.end - self.begin)

    def marks(self):
        return [10.0 ** power for power in range(self.low, self.high + 1)]


def text(x, y, words, anchor="start", size=12, fill=TEXT):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">'
            f"{html.escape(words)}</text>")


def line(x1, y1, x2, y2, stroke, width=1.0, dash=""):
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
            f'stroke-width="{width}"{dashed}/>')


def picture(height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n' +
            "\n".join(parts) + "\n</svg>\n")


def bars(figure):
    known = {who: summary(samples) for who, samples in figure.values.items()}
    limit = summary(figure.limit)["median"] if figure.limit else None
    scale = Scale([s[key] for s in known.values() for key in ("median", "worst")] + ([limit] if limit else []),
                  LEFT, WIDTH - RIGHT)
    height = 70 + LINE * len(known) + 24
    bottom = height - 34
    parts = [text(12, 24, f"{figure.what} [{figure.unit}]", size=14)]
    for mark in scale.marks():
        parts += [line(scale.at(mark), 40, scale.at(mark), bottom, GRID), text(scale.at(mark), bottom + 16,
                                                                             f"{mark:g}", "middle", 11)]
    for i, (who, s) in enumerate(known.items()):
        y = 48 + LINE * i
        parts.append(text(LEFT - 10, y + 13, who, "end"))
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{scale.at(s["median"]) - LEFT:.1f}" height="{LINE - 8}" '
                     f'fill="{colour(who)}"/>')
        if s["n"] > 1:
            parts.append(line(scale.at(s["median"]), y + 9, scale.at(s["worst"]), y + 9, colour(who), 2))
        parts.append(text(scale.at(s["worst"]) + 6, y + 13, number(s["median"])))
    if limit:
        parts += [line(scale.at(limit), 40, scale.at(limit), bottom, LIMIT_COLOUR, 1.5, "5 3"),
                  text(WIDTH - 12, 24, f"limit {number(limit)}", "end", fill=LIMIT_COLOUR)]
    return picture(height, parts)


def curve(figures):
    """Medians over the size, one line a subject."""
    figures = sorted(figures, key=lambda figure: figure.at)
    subjects = list(dict.fromkeys(who for figure in figures for who in figure.values))
    points = {who: [(f.at, summary(f.values[who])["median"]) for f in figures if who in f.values] for who in subjects}
    limits = [(f.at, summary(f.limit)["median"]) for f in figures if f.limit]
    height, top, bottom = 340, 50, 290
    across = Scale([figure.at for figure in figures], LEFT - 60, WIDTH - RIGHT - 20)
    up = Scale([value for line_ in [*points.values(), limits] for _, value in line_], bottom, top)
    first = figures[0]
    parts = [text(12, 24, f"{first.series} [{first.unit}], by {ACROSS[first.row]}", size=14)]
    for mark in up.marks():
        parts += [line(across.begin, up.at(mark), across.end, up.at(mark), GRID),
                  text(across.begin - 8, up.at(mark) + 4, f"{mark:g}", "end", 11)]
    for mark in across.marks():
        parts.append(text(across.at(mark), bottom + 18, f"{mark:g}", "middle", 11))
    for who, line_ in [*points.items(), ("limit", limits)]:
        stroke = LIMIT_COLOUR if who == "limit" else colour(who)
        at = [(across.at(x), up.at(y)) for x, y in line_]
        for (x1, y1), (x2, y2) in zip(at, at[1:]):
            parts.append(line(x1, y1, x2, y2, stroke, 2, "5 3" if who == "limit" else ""))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{stroke}"/>' for x, y in at]
        if at:
            parts.append(text(at[-1][0] + 8, at[-1][1] + 4, who, fill=stroke))
    return picture(height, parts)


# What the README shows at a glance: row, the figure's words (as they end), which of its values, the words above it.
OVERVIEW = (
    ("release", "signal to next leader", "median", "SIGTERM to the next leader"),
    ("standbys", "40 standbys on one lease: handover by SIGTERM", "median", "SIGTERM to the next leader, 40 standbys"),
    ("kill", "beyond the end of the dead leader's lease", "median", "kill -9: beyond the end of the lease"),
    ("frozen", "until it says it has stopped", "median", "frozen leader, woken: goes on leading for"),
    ("life", "Pod deleted to next leader", "median", "leader-for-life: Pod deleted to the next leader"),
    ("many", "1000 elections in a process: handover of all by SIGTERM, each", "p99", "1,000 locks handed over, p99"),
    ("many", "1000 elections in a process: CPU, standby", "median", "1,000 elections: CPU of a standby"),
    ("many", "1000 elections in a process: RSS, leader", "median", "1,000 elections: memory of a leader"),
)
ACROSS = {"standbys": "standbys on one lease", "many": "elections in a process"}
TILE_WIDTH, TILE_HEIGHT, TILE_LEFT, TILE_LINE = 380, 112, 100, 22


def tile(figure, which, words, left, top):
    """One small picture of the overview: bars from zero on, so that lengths are what they seem."""
    known = {who: summary(samples)[which] for who, samples in figure.values.items()}
    limit = summary(figure.limit)["median"] if figure.limit else None
    most = max([*known.values(), limit or 0.0]) or 1.0
    width = TILE_WIDTH - TILE_LEFT - 80
    parts = [text(left + 12, top + 20, f"{words} [{figure.unit}]", size=12)]
    begin, first = left + TILE_LEFT, top + 32
    for i, (who, value) in enumerate(known.items()):
        y = first + TILE_LINE * i
        parts += [text(begin - 8, y + 12, who, "end", 11),
                  f'<rect x="{begin}" y="{y}" width="{max(value, 0.0) / most * width:.1f}" height="{TILE_LINE - 7}" '
                  f'fill="{colour(who)}"/>',
                  text(begin + max(value, 0.0) / most * width + 6, y + 12, number(value), size=11)]
    if limit:
        x = begin + limit / most * width
        parts += [line(x, first - 4, x, first + TILE_LINE * len(known), LIMIT_COLOUR, 1.5, "4 3"),
                  text(left + 12, first + TILE_LINE * len(known) + 12, f"dashed: the limit, {number(limit)}", size=10,
                       fill=LIMIT_COLOUR)]
    return parts


def overview(figures):
    """What is told at a glance; None when not all of it was measured."""
    found = [(next((f for f in figures if f.row == row and f.what.endswith(what)), None), which, words)
             for row, what, which, words in OVERVIEW]
    if any(figure is None or not figure.values for figure, _, _ in found):
        return None
    parts = []
    for i, (figure, which, words) in enumerate(found):
        parts += tile(figure, which, words, TILE_WIDTH * (i % 2), TILE_HEIGHT * (i // 2))
    return picture(TILE_HEIGHT * ((len(found) + 1) // 2), parts)


def file_name(words):
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:80]


def pictures(figures):
    """(name, SVG) of each figure that compares subjects, and of each series with several sizes."""
    series = {}
    for figure in figures:
        if figure.values:
            yield file_name(f"{figure.row} {figure.what}"), bars(figure)
        if figure.series:
            series.setdefault((figure.row, figure.series), []).append(figure)
    glance = overview(figures)
    if glance:
        yield "overview", glance
    for (row, words), points in series.items():
        if len(points) > 1:
            yield file_name(f"curve {row} {words}"), curve(points)
