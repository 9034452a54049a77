from __future__ import annotations

import pytest
from lifeline.contract.schema import violations


def test_an_unknown_keyword_cannot_pass_unseen() -> None:
    with pytest.raises(NotImplementedError):
        list(violations("x", {"multipleOf": 3}, "message"))
