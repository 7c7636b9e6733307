"""Settings for all tests. Being here, this file also lets tests import what lies beside it (`core_toys`)."""

import os

from hypothesis import settings

settings.register_profile("nasmyth", deadline=None, derandomize=True, database=None, max_examples=60)
settings.register_profile("thorough", deadline=None, database=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "nasmyth"))
