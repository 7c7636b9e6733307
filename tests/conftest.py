"""Settings for all tests. Being here, this file also lets tests import what lies beside it (`core_toys`)."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("nasmyth", deadline=None, derandomize=True, database=None, max_examples=60)
settings.register_profile("thorough", deadline=None, database=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "nasmyth"))


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the console remembers between lines is kept apart from what it remembers of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
