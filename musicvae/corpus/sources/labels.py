"""What a tune is: dance types, styles, composers as tags, from file names, header fields and titles.

Conventions: labels are small letters with hyphens, tags are text; "" where none is known. The rules stand in
recipes. That of the label: ``{"fixed": label}``, or ``{"stems": {start of the file's name: label}}`` and else the R: field and
a word of the title. Those of tags: the tag itself, ``{"folder": n}`` for the nth part of the file's name, ``{"person": n}``
for one written ``Last,_First``, ``{"field": letter}`` of an ABC header, or ``{"stems": {...}}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["check_rules", "label_by", "normal_label", "plain_tag", "tags_by"]

_LABELS = {
    "reel": "reel", "hornpipe": "hornpipe", "jig": "jig", "double jig": "jig", "single jig": "jig", "slip jig": "slip-jig",
    "slipjig": "slip-jig", "hop jig": "slip-jig", "strathspey": "strathspey", "clog": "clog", "air": "air", "slide": "slide",
    "highland fling": "highland-fling", "fling": "highland-fling", "waltz": "waltz", "walkaround": "walkaround", "march": "march",
    "polka": "polka", "gavotte": "gavotte", "quickstep": "quickstep", "quick step": "quickstep", "minuet": "minuet",
    "barndance": "barndance", "barn dance": "barndance", "mazurka": "mazurka", "schottische": "schottische", "hymn": "hymn",
    "song": "song", "cotillion": "cotillion", "country dance": "country-dance", "set dance": "set-dance", "planxty": "planxty",
}  # fmt: skip
_IN_TITLE = re.compile(r"\b(reel|hornpipe|jig|strathspey|waltz|march|polka|minuet|quick ?step|gavotte)\b", re.IGNORECASE)
_CONTINENTS = re.compile(r"(?i)(.*europa|.*asien|afrika|.*amerika|nordamerika)$")
_LONGEST_TAG = 80


def normal_label(text: str) -> str:
    """A dance type as this library writes it ("Double Jig" is "jig"); "" for none or an unknown one."""
    return _LABELS.get(" ".join(re.sub(r"[\s_-]+", " ", text.lower()).split()).rstrip(".,;"), "")


def label_by(rule: Mapping[str, Any], stem: str = "", field: str = "", title: str = "") -> str:
    """The label by a recipe's rule: ``fixed``, else ``stems`` (start of the file's name), else the R: field, else a word of the title."""
    if "fixed" in rule:
        return str(rule["fixed"])
    if label := _by_stem(rule.get("stems", {}), stem) or normal_label(field):
        return label
    match = _IN_TITLE.search(title)
    return normal_label(match[1]) if match else ""


def tags_by(rules: Mapping[str, Any], name: str, fields: Mapping[str, str]) -> dict[str, str]:
    """The tags that a recipe's rules give; those without a value are left out. name: of the file in its root; fields: of its ABC header."""
    found = {tag: rule if isinstance(rule, str) else _tag_by(rule, name, fields) for tag, rule in rules.items()}
    return {tag: value for tag, value in found.items() if value}


def _tag_by(rule: Mapping[str, Any], name: str, fields: Mapping[str, str]) -> str:
    parts = name.split("/")
    if "stems" in rule:
        return _by_stem(rule["stems"], parts[-1])
    if "field" in rule:
        return _region(fields.get("O", "")) if rule["field"] == "O" else plain_tag(fields.get(rule["field"], ""))
    number = int(rule.get("folder") or rule.get("person") or 0)
    part = parts[number - 1] if number < len(parts) else ""
    return plain_tag(_person(part) if "person" in rule else part)


def _by_stem(stems: Mapping[str, str], stem: str) -> str:
    return next((label for start, label in stems.items() if stem.startswith(start)), "")


def _person(folder: str) -> str:
    """The name behind a folder such as ``Hensel,_Fanny_(Mendelssohn)``: Fanny Hensel."""
    last, _, first = re.sub(r"_-_aka_.*|_?\([^)]*\)", "", folder).partition(",_")
    return f"{first} {last}".replace("_", " ").replace("’ ", "’").strip()


def _region(origin: str) -> str:
    """The land in an O: field that goes from the large to the small, continents left out: "China" of ``Asien, Ostasien, China, Hunan``."""
    parts = [plain_tag(re.split(r"[/;(]", part)[0]) for part in origin.split(",")]
    return next((part for part in parts if part and not _CONTINENTS.match(part)), "").partition(" ")[0]


def plain_tag(text: str) -> str:
    """Text fit for a tag: one line, at most 80 characters; "" for one that says nothing ("?", "trad.", "anon")."""
    tidy = " ".join(text.split())[:_LONGEST_TAG].strip(" .,;:?!\"'")
    return "" if re.fullmatch(r"(?i)trad(itional)?|anon(ymous)?|unknown|none|n/?a|unattributed|", tidy) else tidy


def check_rules(where: str, label: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
    """ValueError for rules that make no sense; `where` begins its message."""
    if unknown := set(label) - {"fixed", "stems"}:
        raise ValueError(f"{where}: unknown label rule {min(unknown)!r}; allowed are fixed and stems")
    for tag, rule in tags.items():
        if not isinstance(rule, str) and (len(rule) != 1 or not set(rule) <= {"folder", "person", "field", "stems"}):
            raise ValueError(f"{where}: the rule of the tag {tag!r} is a text or one of folder, person, field and stems")
