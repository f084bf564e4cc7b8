#!/usr/bin/env python3
"""Makes github.json: of GitHub's description of its REST API, the operations that undersign uses.

    npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
    ./trim.py package/generated/api.github.com.json > github.json

The package is under the MIT licence, which is in LICENSE beside this file.

What is for people (descriptions, examples) is left out. `nullable` of OpenAPI 3.0 becomes what JSON Schema has for it.
An object of which the description names all fields may have no others: one of another name is a mistake of ours.
"""

import json
import sys

USED = {
    "/user": ["get"],
    "/repos/{owner}/{repo}/pulls": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews": ["get", "post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/comments": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies": ["post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments": ["get"],
    "/repos/{owner}/{repo}/commits/{ref}/status": ["get"],
    "/repos/{owner}/{repo}/commits/{ref}/statuses": ["get"],
    "/repos/{owner}/{repo}/commits/{ref}/check-runs": ["get"],
    "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations": ["get"],
    "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/search/issues": ["get"],
}
FOR_PEOPLE = {"description", "example", "examples", "title", "externalDocs", "deprecated", "default"}


def schema(node, is_part=False):
    """A schema without what is for people. Parts of `allOf` and the like may be completed by others."""
    if isinstance(node, list):
        return [schema(one, is_part) for one in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key in FOR_PEOPLE or key.startswith("x-") or key == "nullable":
            continue
        if key == "properties":
            out[key] = {name: schema(one) for name, one in value.items()}
        elif key in ("enum", "required"):
            out[key] = value
        elif key in ("allOf", "anyOf", "oneOf", "not"):
            out[key] = schema(value, True)
        else:
            out[key] = schema(value)
    is_composed = any(key in out for key in ("allOf", "anyOf", "oneOf"))
    if "properties" in out and not is_part and not is_composed:
        out.setdefault("additionalProperties", False)
    if node.get("nullable"):
        if "type" in out:
            out["type"] = [out["type"], "null"]
            if "enum" in out and None not in out["enum"]:
                out["enum"] = out["enum"] + [None]
        else:
            out = {"anyOf": [out, {"type": "null"}]}
    return out


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from references(one)


def operation(whole, node):
    def resolved(one):
        while "$ref" in one:
            found = whole
            for part in one["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            one = found
        return one

    parameters = [resolved(one) for one in node.get("parameters", [])]
    query = {one["name"]: schema(one["schema"]) for one in parameters if one["in"] == "query"}
    answers = {}
    for status, answer in node["responses"].items():
        content = resolved(answer).get("content", {})
        if status.startswith("2") and "application/json" in content:
            answers[status] = schema(content["application/json"]["schema"])
    out = {"query": query, "answers": answers}
    if "requestBody" in node:
        out["body"] = schema(node["requestBody"]["content"]["application/json"]["schema"])
    return out


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        whole = json.load(file)
    paths = {
        path: {method: operation(whole, whole["paths"][path][method]) for method in methods}
        for path, methods in USED.items()
    }
    needed, ahead = {}, list(references(paths))
    while ahead:
        name = ahead.pop().rsplit("/", 1)[1]
        if name not in needed:
            needed[name] = schema(whole["components"]["schemas"][name])
            ahead.extend(references(needed[name]))
    out = {"paths": paths, "components": {"schemas": dict(sorted(needed.items()))}}
    json.dump(out, sys.stdout, indent=0, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
