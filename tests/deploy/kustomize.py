"""The part of kustomize that our overlays use: resources, strategic merge patches, generators, images, labels.

Not kustomize itself: anything that is not listed here is refused, so that nothing passes unread. Two differences: names
of generated objects have no hash at their end, and lists of objects are merged by `name` wherever all of them have one.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from tests.deploy.tools import documents

Resource = dict[str, Any]
_KNOWN = {
    *("apiVersion", "kind", "namespace", "resources", "labels", "images", "patches"),
    *("configMapGenerator", "secretGenerator"),
}


def render(folder: Path) -> list[Resource]:
    """The resources of the kustomization in `folder`, in order."""
    [plan] = documents(folder / "kustomization.yaml")
    assert set(plan) <= _KNOWN, f"{folder}: {set(plan) - _KNOWN}"
    resources: list[Resource] = []
    for name in plan.get("resources", []):
        path = (folder / name).resolve()
        resources += render(path) if path.is_dir() else documents(path)
    for kind, generators in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
        for generator in plan.get(generators, []):
            _generate(resources, folder, kind, generator)
    for patch in plan.get("patches", []):
        assert set(patch) == {"path"}
        for change in documents(folder / patch["path"]):
            target = _find(resources, change["kind"], change["metadata"]["name"])
            target.update(_merged(target, change))
    for label in plan.get("labels", []):
        assert (label["includeSelectors"], label["includeTemplates"]) == (False, True)
        for resource in resources:
            _label(resource, label["pairs"])
    for image in plan.get("images", []):
        for container in (each for resource in resources for each in containers(resource)):
            if container["image"].rpartition(":")[0] == image["name"] or container["image"] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
    if "namespace" in plan:
        for resource in resources:
            resource["metadata"]["namespace"] = plan["namespace"]
    keys = [(each["kind"], each["metadata"]["name"]) for each in resources]
    assert len(keys) == len(set(keys)), keys
    return resources


def containers(resource: Resource) -> list[dict[str, Any]]:
    """The containers of a workload; none of anything else."""
    return pod(resource).get("containers", [])


def pod(resource: Resource) -> dict[str, Any]:
    """The specification of a workload's pods; empty for anything else."""
    found: dict[str, Any] = resource.get("spec", {}).get("template", {}).get("spec", {})
    return found


def _find(resources: list[Resource], kind: str, name: str) -> Resource:
    [found] = [each for each in resources if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def _generate(resources: list[Resource], folder: Path, kind: str, generator: dict[str, Any]) -> None:
    assert set(generator) <= {"name", "files", "literals", "behavior"}
    values = {name: (folder / name).read_text("utf-8") for name in generator.get("files", [])}
    values |= dict(literal.split("=", 1) for literal in generator.get("literals", []))
    if kind == "Secret":
        values = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
    if generator.get("behavior") == "merge":
        _find(resources, kind, generator["name"])["data"].update(values)
    else:
        resources.append({"apiVersion": "v1", "kind": kind, "metadata": {"name": generator["name"]}, "data": values})


def _merged(old: Any, new: Any) -> Any:
    """A strategic merge: objects by key (null removes it), lists of named objects by name; all else is replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        kept = {key: value for key, value in old.items() if not (key in new and new[key] is None)}
        return kept | {key: _merged(old.get(key), value) for key, value in new.items() if value is not None}
    if _named(old) and _named(new):
        changes = {each["name"]: each for each in new}
        kept_list = [_merged(each, changes.pop(each["name"], each)) for each in old]
        return [*kept_list, *changes.values()]
    return new


def _named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) and "name" in each for each in value)


def _label(resource: Resource, pairs: dict[str, str]) -> None:
    resource["metadata"].setdefault("labels", {}).update(pairs)
    template = resource.get("spec", {}).get("template")
    if template is not None:
        template["metadata"].setdefault("labels", {}).update(pairs)
