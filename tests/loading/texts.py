"""Texts to load, made of values."""

import json
from typing import Any

from sharedplan.loading.reading import Text


def text(value: Any, line: int = 1, file: str = "some.ndjson") -> Text:
    body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return Text(file, line, body, 0)


def bundle(type: str, *entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def posted(resource: dict[str, Any], full_url: str | None = None, **request: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"resource": resource}
    entry["request"] = {"method": "POST", "url": resource["resourceType"], **request}
    return {"fullUrl": full_url, **entry} if full_url else entry


def put(resource: dict[str, Any]) -> dict[str, Any]:
    where = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": where}}


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def plan(subject: str, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": subject},
        **elements,
    }
