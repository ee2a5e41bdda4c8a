# Unit tests of palisade-fenced's pure file.
if HAVE_CMOCKA

check_PROGRAMS += tests/unit/test-fence-plan
TESTS += tests/unit/test-fence-plan
tests_unit_test_fence_plan_SOURCES = tests/unit/test-fence-plan.c tests/unit/test-lib.h \
	$(FENCE_PURE)
tests_unit_test_fence_plan_LDADD = $(UNIT_LIBS)

endif
