# Unit tests of palisade-watchdogd's pure files.
if HAVE_CMOCKA

WATCHDOGD_TESTS = \
	tests/unit/test-watchdogd-choose \
	tests/unit/test-watchdogd-ipmi \
	tests/unit/test-watchdogd-policy
check_PROGRAMS += $(WATCHDOGD_TESTS)
TESTS += $(WATCHDOGD_TESTS)
check_LIBRARIES += tests/unit/libwatchdogd.a
tests_unit_libwatchdogd_a_SOURCES = $(WATCHDOGD_PURE)

tests_unit_test_watchdogd_choose_SOURCES = tests/unit/test-watchdogd-choose.c tests/unit/test-lib.h
tests_unit_test_watchdogd_choose_LDADD = tests/unit/libwatchdogd.a $(UNIT_LIBS)
tests_unit_test_watchdogd_ipmi_SOURCES = tests/unit/test-watchdogd-ipmi.c tests/unit/test-lib.h
tests_unit_test_watchdogd_ipmi_LDADD = tests/unit/libwatchdogd.a $(UNIT_LIBS)
tests_unit_test_watchdogd_policy_SOURCES = tests/unit/test-watchdogd-policy.c tests/unit/test-lib.h
tests_unit_test_watchdogd_policy_LDADD = tests/unit/libwatchdogd.a $(UNIT_LIBS)

endif
