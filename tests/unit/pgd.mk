# Unit tests of palisade-pgd's pure files, and of how the launcher makes a child.
if HAVE_CMOCKA

PGD_TESTS = \
	tests/unit/test-launcher-spawn \
	tests/unit/test-pgd-adopt \
	tests/unit/test-pgd-authority \
	tests/unit/test-pgd-conninfo \
	tests/unit/test-pgd-control \
	tests/unit/test-pgd-divergence \
	tests/unit/test-pgd-engine \
	tests/unit/test-pgd-follow \
	tests/unit/test-pgd-logical \
	tests/unit/test-pgd-pgconf \
	tests/unit/test-pgd-pending \
	tests/unit/test-pgd-plan \
	tests/unit/test-pgd-restore \
	tests/unit/test-pgd-scripts \
	tests/unit/test-pgd-slots \
	tests/unit/test-pgd-source \
	tests/unit/test-pgd-start \
	tests/unit/test-pgd-trouble \
	tests/unit/test-pgd-verify

check_PROGRAMS += $(PGD_TESTS)
TESTS += $(PGD_TESTS)
noinst_LIBRARIES += tests/unit/libpgd.a
tests_unit_libpgd_a_SOURCES = $(PGD_PURE)

PGD_TEST_LDADD = tests/unit/libpgd.a $(UNIT_LIBS)
tests_unit_test_launcher_spawn_SOURCES = tests/unit/test-launcher-spawn.c tests/unit/test-lib.h \
	daemons/launcher/spawn.c daemons/launcher/spawn.h
tests_unit_test_launcher_spawn_LDADD = $(UNIT_LIBS)
tests_unit_test_pgd_adopt_SOURCES = tests/unit/test-pgd-adopt.c tests/unit/test-lib.h \
	daemons/pgd/adopt.c
tests_unit_test_pgd_adopt_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_authority_SOURCES = tests/unit/test-pgd-authority.c tests/unit/test-lib.h \
	daemons/pgd/authority.c
tests_unit_test_pgd_authority_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_conninfo_SOURCES = tests/unit/test-pgd-conninfo.c tests/unit/test-lib.h
tests_unit_test_pgd_conninfo_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_control_SOURCES = tests/unit/test-pgd-control.c tests/unit/test-lib.h
tests_unit_test_pgd_control_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_divergence_SOURCES = tests/unit/test-pgd-divergence.c tests/unit/test-lib.h
tests_unit_test_pgd_divergence_LDADD = $(PGD_TEST_LDADD)
# Without libpgd.a: the plan is played by the test.
tests_unit_test_pgd_engine_SOURCES = tests/unit/test-pgd-engine.c tests/unit/test-lib.h \
	daemons/pgd/engine.c
tests_unit_test_pgd_engine_LDADD = $(UNIT_LIBS)
tests_unit_test_pgd_logical_SOURCES = tests/unit/test-pgd-logical.c tests/unit/test-lib.h
tests_unit_test_pgd_logical_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_pgconf_SOURCES = tests/unit/test-pgd-pgconf.c tests/unit/test-lib.h
tests_unit_test_pgd_pgconf_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_pending_SOURCES = tests/unit/test-pgd-pending.c tests/unit/test-lib.h
tests_unit_test_pgd_pending_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_follow_SOURCES = tests/unit/test-pgd-follow.c tests/unit/pgd-plan-world.h tests/unit/test-lib.h
tests_unit_test_pgd_follow_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_plan_SOURCES = tests/unit/test-pgd-plan.c tests/unit/pgd-plan-world.h tests/unit/test-lib.h
tests_unit_test_pgd_plan_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_restore_SOURCES = tests/unit/test-pgd-restore.c tests/unit/test-lib.h
tests_unit_test_pgd_restore_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_scripts_SOURCES = tests/unit/test-pgd-scripts.c tests/unit/test-lib.h
tests_unit_test_pgd_scripts_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_source_SOURCES = tests/unit/test-pgd-source.c tests/unit/test-lib.h
tests_unit_test_pgd_source_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_slots_SOURCES = tests/unit/test-pgd-slots.c tests/unit/test-lib.h
tests_unit_test_pgd_slots_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_start_SOURCES = tests/unit/test-pgd-start.c tests/unit/test-lib.h \
	daemons/pgd/step-start.c
tests_unit_test_pgd_start_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_trouble_SOURCES = tests/unit/test-pgd-trouble.c tests/unit/test-lib.h
tests_unit_test_pgd_trouble_LDADD = $(PGD_TEST_LDADD)
tests_unit_test_pgd_verify_SOURCES = tests/unit/test-pgd-verify.c tests/unit/test-lib.h
tests_unit_test_pgd_verify_LDADD = $(PGD_TEST_LDADD)

endif
