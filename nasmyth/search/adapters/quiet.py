"""Optuna without its log and its warnings, where its studies are nobody's but ours."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_alone = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna says nothing inside. One thread at a time, so that what was set before is what is set after."""
    with _alone, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger = logging.getLogger("optuna")
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)
