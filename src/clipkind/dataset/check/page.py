"""The findings of `clipkind dataset check` as one HTML page: offline, no script, light and dark."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from clipkind.dataset.check.report import CheckReport, ClassRow, Spread
from clipkind.dataset.check.shortcuts import Shortcut
from clipkind.dataset.links import Link, joined_groups
from clipkind.dataset.manifest import Entry
from clipkind.page import page_style, safe

SHOWN = 40
"""Families on the page, at most; all links are in the file of links."""
MEMBERS = 8
"""Videos shown of a family, at most."""
RELATIONS = 12
"""Relations told of a family, at most."""


@dataclass(frozen=True, slots=True)
class Family:
    """Videos that share footage, directly or by way of others."""

    members: tuple[Entry, ...]
    links: tuple[Link, ...]

    @property
    def labels(self) -> int:
        """How many labels they have; more than one is a conflict."""
        return len({entry.label for entry in self.members})

    @property
    def sources(self) -> int:
        """How many sources they come from."""
        return len({entry.group or entry.id for entry in self.members})


def families(entries: Sequence[Entry], links: Sequence[Link]) -> list[Family]:
    """All families: those whose labels differ, then those across sources, large ones first."""
    by_id = {entry.id: entry for entry in entries if entry.status == "ok"}
    joined = joined_groups({id: id for id in by_id}, links)
    members: dict[str, list[Entry]] = {}
    mine: dict[str, list[Link]] = {}
    for link in links:
        if link.a in by_id and link.b in by_id:
            mine.setdefault(joined[link.a], []).append(link)
    for id, name in joined.items():
        if name in mine:
            members.setdefault(name, []).append(by_id[id])
    found = [Family(tuple(members[name]), tuple(mine[name])) for name in mine]
    return sorted(found, key=lambda f: (f.labels == 1, f.sources == 1, -len(f.members)))


def shown_families(found: Sequence[Family]) -> tuple[list[Family], list[Entry]]:
    """The families a page shows, and the videos of which it needs strips."""
    shown = list(found[:SHOWN])
    return shown, [entry for family in shown for entry in family.members[:MEMBERS]]


def page(
    report: CheckReport, entries: Sequence[Entry], strips: Mapping[str, bytes], *, title: str
) -> str:
    """The page. `strips` are JPEGs by the path of a video; a missing one is said to be missing."""
    template = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    found = families(entries, report.links)
    return template.substitute(
        title=safe(title),
        style=page_style(),
        tiles=_tiles(report),
        findings=_findings(report),
        classes=_classes(report.classes),
        shortcuts=_shortcuts(report.shortcuts),
        families=_families(found, strips),
        footer=_footer(report),
    )


def _tiles(report: CheckReport) -> str:
    refused = report.entries - report.ok
    tiles = [
        (report.ok, "videos" + (f", {refused} more refused" if refused else ""), ""),
        (sum(bool(row.label) for row in report.classes), "classes", ""),
        (report.joined, f"sources ({report.groups} before joining copies)", ""),
        (len(report.links), "pairs with the same footage", ""),
        (len(report.across), "of them across sources", ""),
        (len(report.conflicts), "label conflicts", "bad" if report.conflicts else ""),
    ]
    return "".join(
        f'<li class="{kind}"><b>{number:,}</b><span>{escape(name)}</span></li>'
        for number, name, kind in tiles
    )


def _findings(report: CheckReport) -> str:
    if not report.warnings:
        return '<li class="good">Nothing stands out.</li>'
    # a sentence holds names from the data set
    return "".join(f"<li>{safe(s[:1].upper() + s[1:])}.</li>" for s in report.warnings)


def _classes(rows: Sequence[ClassRow]) -> str:
    head = "".join(
        f"<th>{name}</th>"
        for name in (
            "Class",
            "Videos",
            "",
            "Refused",
            "Sources",
            "With copies",
            "Short side, px",
            "Frames/s",
            "Seconds",
        )
    )
    most = max((row.videos for row in rows), default=0) or 1
    body = "".join(
        f"<tr><td>{safe(row.label) if row.label else '<em>no label</em>'}</td>"
        f"<td>{row.videos}</td>"
        f'<td class="wide"><span class="bar"><i style="width:{row.videos / most:.1%}"></i></span>'
        f"</td><td>{row.refused}</td><td>{row.groups}</td><td>{row.linked}</td>"
        f"{_spread(row.short_side, 0)}{_spread(row.fps, 1)}{_spread(row.duration_s, 1)}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _spread(spread: Spread | None, digits: int) -> str:
    if spread is None:
        return "<td>–</td>"
    low, middle, high = (f"{v:.{digits}f}" for v in (spread.low, spread.middle, spread.high))
    return f"<td>{middle}<br><small>{low} to {high}</small></td>"


def _shortcuts(found: Sequence[Shortcut]) -> str:
    if not found:
        return '<p class="note">Nothing to judge: one class, one source, or no known sizes.</p>'
    body = "".join(
        f"<tr><td>{escape(s.name[:1].upper() + s.name[1:])}</td><td>{s.accuracy:.0%}</td>"
        f'<td class="wide"><span class="bar"><i style="width:{s.accuracy:.1%}"></i>'
        f'<u style="left:{s.baseline:.1%}"></u></span></td><td>{s.baseline:.0%}</td>'
        f"<td>{_verdict(s)}</td></tr>"
        for s in found
    )
    return (
        "<p>Each property alone, as a table from its value to the most frequent class, learned on "
        "four fifths of the sources and tried on the rest. The mark is what always saying "
        f"{safe(found[0].majority)} gets right.</p>"
        '<div class="scroll"><table><thead><tr><th>Property</th><th>Right</th><th></th>'
        f"<th>Largest class</th><th></th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _verdict(shortcut: Shortcut) -> str:
    if shortcut.warns:
        return '<span class="tag warn">a shortcut</span>'
    return '<span class="tag good">no better than chance, or hardly</span>'


def _families(found: Sequence[Family], strips: Mapping[str, bytes]) -> str:
    shown, _ = shown_families(found)
    kinds: tuple[tuple[str, Callable[[Family], bool]], ...] = (
        ("The same footage under different labels", lambda f: f.labels > 1),
        ("The same footage in different sources", lambda f: f.labels == 1 and f.sources > 1),
        ("The same footage within a source", lambda f: f.labels == 1 and f.sources == 1),
    )
    parts = []
    for title, belongs in kinds:
        mine, count = [f for f in shown if belongs(f)], sum(map(belongs, found))
        if not count:
            continue
        parts.append(f"<h2>{title} <span class='note'>({count})</span></h2>")
        parts += [_family(family, strips) for family in mine]
        if len(mine) < count:
            parts.append(
                f"<p class='note'>… and {count - len(mine)} more, in the file of links.</p>"
            )
    return "\n".join(parts)


def _family(family: Family, strips: Mapping[str, bytes]) -> str:
    conflict = family.labels > 1
    rows = [_video(entry, strips.get(entry.path), conflict) for entry in family.members[:MEMBERS]]
    rest = len(family.members) - len(rows)
    names = _short_names(family.members)
    relations = [
        f"{safe(names[k.a])} ↔ {safe(names[k.b])}: {safe(k.how)} ({k.score:.2f})"
        for k in family.links[:RELATIONS]
    ]
    more = len(family.links) - len(relations)
    text = "<br>".join([*relations, *([f"… and {more} more pairs"] if more else [])])
    hidden = f"<p class='note'>… and {rest} more videos</p>" if rest else ""
    kind = "card family bad" if conflict else "card family"
    return f'<div class="{kind}">{"".join(rows)}{hidden}<p class="relations">{text}</p></div>'


def _video(entry: Entry, strip: bytes | None, conflict: bool) -> str:
    if strip is None:
        image = '<span class="none">no picture</span>'
    else:
        image = f'<img alt="" src="data:image/jpeg;base64,{b64encode(strip).decode()}">'
    path = Path(entry.path)
    label = safe(entry.label) if entry.label else "no label"
    facts = [safe(entry.group)] if entry.group else []
    if entry.width:
        facts.append(f"{entry.width}×{entry.height}")
    facts += [f"{entry.fps:.4g} frames/s"] * bool(entry.fps)
    facts += [f"{entry.duration_s:.1f} s"] * bool(entry.duration_s)
    return (
        f'<div class="video"><div><b>{safe(path.name)}</b> '
        f'<span class="tag{" bad" if conflict else ""}">{label}</span>'
        f'<div>{" · ".join(facts)}</div><div class="mono">{safe(str(path.parent))}</div></div>'
        f"{image}</div>"
    )


def _short_names(members: Sequence[Entry]) -> dict[str, str]:
    """File names by id."""
    return {entry.id: Path(entry.path).name for entry in members}


def _footer(report: CheckReport) -> str:
    refused = ", ".join(f"{count} {safe(reason) or 'other'}" for reason, count in report.refused)
    parts = [
        "Pairs were found by clipkind dataset check: fingerprints of 64 pictures a video, compared "
        "with those of the videos that look most like it.",
        f"Refused by the manifest: {refused}." if refused else "",
        "Next: clipkind dataset split, which keeps all videos of joined sources on one side.",
    ]
    return " ".join(part for part in parts if part)
