"""What the documents say about costs is what the stored counts come to."""

from __future__ import annotations

import json

from benchmarks import cost, pricing


def test_each_document_has_the_block_of_the_stored_counts() -> None:
    figures = json.loads(cost.STORED.read_text())
    for document, body in cost.DOCUMENTS:
        text = document.read_text()
        assert pricing.with_block(text, figures, body) == text, "python -m benchmarks.cost --render"
