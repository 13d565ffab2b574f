"""The tests. What they share stands in `tests/support`, where asserts explain themselves as in a test."""

import pytest

pytest.register_assert_rewrite("tests.support")
