# The rules about sources that a compiler cannot check.
dist_check_SCRIPTS += tests/lint/test-files tests/lint/test-symbols tests/parity
TESTS += tests/lint/test-files tests/lint/test-symbols tests/parity
EXTRA_DIST += tests/lint/pure-symbols tests/lint/cppcheck-suppressions
