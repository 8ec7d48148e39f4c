"""Ways to damage a file or a configuration, as strategies of hypothesis."""

import copy
import json
import re
import struct

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# Pieces that have broken parsers: separators, brackets, comments, encodings, odd numbers.
PIECES = [
    *(b"\t", b"\n", b"\n\n", b"\r", b"\x00", b" ", b"  ", b"(", b")", b"()", b"((", b"*", b"_"),
    *(
        b"#",
        b"# ",
        b"-",
        b".",
        b"=",
        b"|",
        b",",
        b":",
        b"/",
        b"\\",
        b'"',
        b"'",
        b"{",
        b"}",
        b"[",
        b"]",
    ),
    *(b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\xed\xa0\x80", "\u200b".encode(), "\u2028".encode()),
    *("²".encode(), "٣".encode(), "é".encode(), "\U0001f600".encode(), "\u0301".encode()),
    *(b"0", b"-1", b"1.5", b"1e999", b"1_0", b"NaN", b"inf", b"nan", b"null", b"true", b"9" * 20),
    *(b"1-2", b"2-1", b"1.1", b"0-0", b"# newdoc", b"# global.Entity = ", b"Entity=(", b"B-X"),
    *(b"I-", b"#begin document (", b"#end document", b"NOPARSE", b"= a =", b"-NONE-", b"-LRB-"),
    *(b"[WORD]", b"[[]]", b"[-1, -1]", b'{"a": 1}', b"9" * 5000),
    *(b"[" * 2000, b"a" * 300, b"~nosuchuser"),
]
# A cell in place of another leaves the file well-formed, so it gets furthest: it counts twice.
EDITS = ("insert", "replace", "cell", "cell", "delete", "repeat", "cut", "flip", "lines")


def fuzz(examples):
    """Return settings under which a test tries the same `examples` inputs each time it runs."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


@st.composite
def damaged(draw, content, pieces=PIECES, edits=4):
    """Draw what a few edits make of the bytes `content`: most of it stays as it was."""
    for _ in range(draw(st.integers(1, edits))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 12) | st.integers(0, len(content)))
        end = min(start + length, len(content))
        match draw(st.sampled_from(EDITS)):
            case "insert":
                content = content[:start] + draw(st.sampled_from(pieces)) + content[start:]
            case "replace":
                content = content[:start] + draw(st.sampled_from(pieces)) + content[start + 1 :]
            case "cell" if cells := list(re.finditer(rb"[^\t\n ,:]+", content)):
                cell = draw(st.sampled_from(cells))
                content = (
                    content[: cell.start()] + draw(st.sampled_from(pieces)) + content[cell.end() :]
                )
            case "delete":
                content = content[:start] + content[end:]
            case "repeat":
                content = content[:end] + content[start:]
            case "cut":
                content = content[:start]
            case "flip" if start < len(content):
                flipped = content[start] ^ (1 << draw(st.integers(0, 7)))
                content = content[:start] + bytes([flipped]) + content[start + 1 :]
            case "lines":
                lines = content.split(b"\n")
                first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
                lines[first], lines[second] = lines[second], lines[first]
                content = b"\n".join(lines)
    return content


ODD_NUMBERS = st.sampled_from(
    [
        *(0, 1, -1, 2**31, 2**63, 10**30, -(10**30)),
        *(0.5, -0.0, 1e308, 5e-324, 1.0, 2.0, float("inf"), float("-inf"), float("nan")),
    ]
)
ODD_TEXTS = st.text(max_size=5) | st.sampled_from(
    [
        *("", " ", "\n", "0", "1e-3", "true", "null", "é", "\u200b", "\U0001f600", "\x00", "~"),
        *(
            "..",
            "../..",
            "/",
            "a/b",
            "a.b",
            "a\n",
            "all",
            "grammar",
            "[a]",
            "{wildcards}",
            "a" * 300,
        ),
        *("{seed}", "{step}", "{seed!r}{step:x}", "{", "{}", "{0}", "{step:q}", "{seed.a}{step}"),
        *("{step:>99}", "{step[0]}", "{step:999999999999d}", "~nosuchuser/{step}"),
    ]
)
SCALARS = st.none() | st.booleans() | ODD_NUMBERS | ODD_TEXTS | st.integers() | st.floats()
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXTS | SCALARS, inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value, path=()):
    """Return the paths to all values in a nest of mappings and lists, its own root left out."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, inner in items:
        found.append((*path, key))
        if isinstance(inner, dict | list):
            found += places(inner, (*path, key))
    return found


@st.composite
def altered(draw, config, edits=3):
    """Draw what a few edits make of a configuration: keys go, change names, places or values."""
    config = copy.deepcopy(config)
    for _ in range(draw(st.integers(1, edits))):
        paths = places(config)
        if not paths:
            break
        *parents, key = draw(st.sampled_from(paths))
        holder = config
        for parent in parents:
            holder = holder[parent]
        match draw(st.sampled_from(["delete", "rename", "replace", "add", "transplant", "wrap"])):
            case "delete":
                del holder[key]
            case "rename" if isinstance(holder, dict):
                holder[draw(ODD_TEXTS | SCALARS)] = holder.pop(key)
            case "replace":
                holder[key] = draw(SCALARS | JUNK)
            case "add" if isinstance(holder, dict):
                holder[draw(ODD_TEXTS)] = draw(JUNK)
            case "add":
                holder.insert(key, draw(JUNK))
            case "transplant":
                *others, last = draw(st.sampled_from(paths))
                source = config
                for parent in others:
                    source = source[parent]
                holder[key] = copy.deepcopy(source[last])
            case "wrap":
                holder[key] = draw(st.sampled_from([[holder[key]], {"a": holder[key]}]))
    return config


def damaged_json(content, edits=3):
    """Return a strategy for damage to the bytes of JSON: to the text, or to what it says."""
    said = altered(json.loads(content), edits).map(lambda value: json.dumps(value).encode())
    return damaged(content, edits=edits) | said


@st.composite
def damaged_safetensors(draw, content):
    """Draw damage to the bytes of a safetensors file: anywhere, or to a header of right length."""
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged(content))
    (length,) = struct.unpack("<Q", content[:8])
    header = draw(damaged_json(content[8 : 8 + length]))
    return struct.pack("<Q", len(header)) + header + content[8 + length :]
