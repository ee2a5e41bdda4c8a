# Unit tests of palisaded's files; what they call upon is played by the test.
if HAVE_CMOCKA

MIND_TESTS = \
	tests/unit/test-authority \
	tests/unit/test-handover \
	tests/unit/test-mind-api \
	tests/unit/test-mind-bar \
	tests/unit/test-mind-duties \
	tests/unit/test-mind-failsafe \
	tests/unit/test-mind-hands \
	tests/unit/test-mind-orders \
	tests/unit/test-mind-pause \
	tests/unit/test-mind-probe \
	tests/unit/test-mind-unsync \
	tests/unit/test-mind-watchdog
check_PROGRAMS += $(MIND_TESTS)
TESTS += $(MIND_TESTS)
tests_unit_test_authority_SOURCES = tests/unit/test-authority.c tests/unit/test-lib.h \
	daemons/palisaded/authority.c
tests_unit_test_authority_LDADD = $(UNIT_LIBS)
tests_unit_test_handover_SOURCES = tests/unit/test-handover.c tests/unit/test-lib.h \
	daemons/palisaded/handover.c
tests_unit_test_handover_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_api_SOURCES = tests/unit/test-mind-api.c tests/unit/test-lib.h \
	daemons/palisaded/api.c
tests_unit_test_mind_api_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_bar_SOURCES = tests/unit/test-mind-bar.c tests/unit/test-lib.h \
	daemons/palisaded/bar.c
tests_unit_test_mind_bar_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_duties_SOURCES = tests/unit/test-mind-duties.c tests/unit/test-lib.h \
	daemons/palisaded/duties.c
tests_unit_test_mind_duties_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_failsafe_SOURCES = tests/unit/test-mind-failsafe.c tests/unit/test-lib.h \
	daemons/palisaded/failsafe.c
tests_unit_test_mind_failsafe_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_hands_SOURCES = tests/unit/test-mind-hands.c tests/unit/test-lib.h \
	daemons/palisaded/hands.c daemons/palisaded/hands.h
tests_unit_test_mind_hands_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_orders_SOURCES = tests/unit/test-mind-orders.c tests/unit/test-lib.h \
	daemons/palisaded/orders.c
tests_unit_test_mind_orders_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_pause_SOURCES = tests/unit/test-mind-pause.c tests/unit/test-lib.h \
	daemons/palisaded/pause.c
tests_unit_test_mind_pause_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_probe_SOURCES = tests/unit/test-mind-probe.c tests/unit/test-lib.h \
	daemons/palisaded/probe.c
tests_unit_test_mind_probe_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_unsync_SOURCES = tests/unit/test-mind-unsync.c tests/unit/test-lib.h \
	daemons/palisaded/unsync.c
tests_unit_test_mind_unsync_LDADD = $(UNIT_LIBS)
tests_unit_test_mind_watchdog_SOURCES = tests/unit/test-mind-watchdog.c tests/unit/test-lib.h \
	daemons/palisaded/watchdog.c
tests_unit_test_mind_watchdog_LDADD = $(UNIT_LIBS)

endif
