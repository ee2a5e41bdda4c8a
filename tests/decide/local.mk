# The decision: every vector of facts, the golden scenarios, and the page printed from the table.

DECIDE_LDADD = lib/libdecide.a lib/libmodel.a lib/libbase.a

check_PROGRAMS += tests/decide/test-scenarios tests/decide/print-decisions
tests_decide_test_scenarios_SOURCES = tests/decide/test-scenarios.c
tests_decide_test_scenarios_LDADD = $(DECIDE_LDADD)
tests_decide_print_decisions_SOURCES = tests/decide/print-decisions.c
tests_decide_print_decisions_LDADD = $(DECIDE_LDADD)

if HAVE_CMOCKA
check_PROGRAMS += tests/decide/test-every-vector
tests_decide_test_every_vector_SOURCES = tests/decide/test-every-vector.c
tests_decide_test_every_vector_LDADD = $(DECIDE_LDADD) $(CMOCKA_LIBS)
TESTS += tests/decide/test-every-vector
endif

dist_check_SCRIPTS += tests/decide/test-golden tests/decide/test-decisions-current
TESTS += tests/decide/test-golden tests/decide/test-decisions-current
EXTRA_DIST += tests/decide/scenarios docs/DECISIONS.md

.PHONY: update-decisions
update-decisions: tests/decide/print-decisions$(EXEEXT)
	./tests/decide/print-decisions >$(srcdir)/docs/DECISIONS.md.new
	mv $(srcdir)/docs/DECISIONS.md.new $(srcdir)/docs/DECISIONS.md
