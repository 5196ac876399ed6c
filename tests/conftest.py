"""What all tests share: hypothesis looks at the same examples every time, so that a run tells about a change and not
about luck. `HYPOTHESIS_PROFILE=default` in the environment looks at new ones, as `make fuzz` does."""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
