# Unit tests of palisade-fenced's pure files, and of a pooler's gate (root; a real one).
if HAVE_CMOCKA

FENCE_TESTS = \
	tests/unit/test-fence-arp \
	tests/unit/test-fence-links \
	tests/unit/test-fence-plan \
	tests/unit/test-fence-sockets \
	tests/unit/test-pooler-gate

check_PROGRAMS += $(FENCE_TESTS)
TESTS += $(FENCE_TESTS)
check_LIBRARIES += tests/unit/libfence.a
tests_unit_libfence_a_SOURCES = $(FENCE_PURE)

FENCE_TEST_LDADD = tests/unit/libfence.a $(UNIT_LIBS)
tests_unit_test_fence_arp_SOURCES = tests/unit/test-fence-arp.c tests/unit/test-lib.h
tests_unit_test_fence_arp_LDADD = $(FENCE_TEST_LDADD)
tests_unit_test_fence_links_SOURCES = tests/unit/test-fence-links.c tests/unit/test-lib.h
tests_unit_test_fence_links_LDADD = $(FENCE_TEST_LDADD) $(NL_LIBS)
tests_unit_test_fence_plan_SOURCES = tests/unit/test-fence-plan.c tests/unit/test-lib.h
tests_unit_test_fence_plan_LDADD = $(FENCE_TEST_LDADD)
tests_unit_test_fence_sockets_SOURCES = tests/unit/test-fence-sockets.c tests/unit/test-lib.h
tests_unit_test_fence_sockets_LDADD = $(FENCE_TEST_LDADD) $(NL_LIBS)
tests_unit_test_pooler_gate_SOURCES = tests/unit/test-pooler-gate.c tests/unit/test-lib.h tests/own-cgroups.h \
	fence/gate.c fence/gate.h fence/pooler-gate.c fence/pooler-gate.h fence/sockets.c fence/sockets.h
tests_unit_test_pooler_gate_LDADD = $(FENCE_TEST_LDADD) $(IO_LDADD) $(NL_LIBS)

endif
