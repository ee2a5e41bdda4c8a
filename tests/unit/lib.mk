# A test for each module of lib/, named after it.
if HAVE_CMOCKA

LIB_TESTS = \
	tests/unit/test-actuate \
	tests/unit/test-cgroup-kill \
	tests/unit/test-cluster \
	tests/unit/test-facts \
	tests/unit/test-history \
	tests/unit/test-hostport \
	tests/unit/test-json \
	tests/unit/test-log-form \
	tests/unit/test-lsn \
	tests/unit/test-member \
	tests/unit/test-names \
	tests/unit/test-permit \
	tests/unit/test-pg \
	tests/unit/test-quorum \
	tests/unit/test-rank \
	tests/unit/test-restart \
	tests/unit/test-environment \
	tests/unit/test-schema \
	tests/unit/test-settings \
	tests/unit/test-stall \
	tests/unit/test-str \
	tests/unit/test-failsafe \
	tests/unit/test-switchover \
	tests/unit/test-vip \
	tests/unit/test-sync \
	tests/unit/test-timing \
	tests/unit/test-tree \
	tests/unit/test-usec \
	tests/unit/test-utf8 \
	tests/unit/test-wire \
	tests/unit/test-wire-inside \
	tests/unit/test-words \
	tests/unit/test-worker \
	tests/unit/test-yaml

check_PROGRAMS += $(LIB_TESTS)
TESTS += $(LIB_TESTS)

tests_unit_test_actuate_SOURCES = tests/unit/test-actuate.c tests/unit/test-lib.h
tests_unit_test_actuate_LDADD = $(UNIT_LIBS)
tests_unit_test_cgroup_kill_SOURCES = tests/unit/test-cgroup-kill.c tests/unit/test-lib.h tests/own-cgroups.h
tests_unit_test_cgroup_kill_LDADD = $(UNIT_LIBS)
tests_unit_test_cluster_SOURCES = tests/unit/test-cluster.c tests/unit/test-lib.h
tests_unit_test_cluster_LDADD = $(UNIT_LIBS)
tests_unit_test_facts_SOURCES = tests/unit/test-facts.c tests/unit/test-lib.h
tests_unit_test_facts_LDADD = $(UNIT_LIBS)
tests_unit_test_history_SOURCES = tests/unit/test-history.c tests/unit/test-lib.h
tests_unit_test_history_LDADD = $(UNIT_LIBS)
tests_unit_test_hostport_SOURCES = tests/unit/test-hostport.c tests/unit/test-lib.h
tests_unit_test_hostport_LDADD = $(UNIT_LIBS)
tests_unit_test_json_SOURCES = tests/unit/test-json.c tests/unit/test-lib.h
tests_unit_test_json_LDADD = $(UNIT_LIBS)
tests_unit_test_log_form_SOURCES = tests/unit/test-log-form.c tests/unit/test-lib.h
tests_unit_test_log_form_LDADD = $(UNIT_LIBS)
tests_unit_test_lsn_SOURCES = tests/unit/test-lsn.c tests/unit/test-lib.h
tests_unit_test_lsn_LDADD = $(UNIT_LIBS)
tests_unit_test_member_SOURCES = tests/unit/test-member.c tests/unit/test-lib.h
tests_unit_test_member_LDADD = $(UNIT_LIBS)
tests_unit_test_names_SOURCES = tests/unit/test-names.c tests/unit/test-lib.h
tests_unit_test_names_LDADD = $(UNIT_LIBS)
tests_unit_test_permit_SOURCES = tests/unit/test-permit.c tests/unit/test-lib.h
tests_unit_test_permit_LDADD = $(UNIT_LIBS)
tests_unit_test_pg_SOURCES = tests/unit/test-pg.c tests/unit/test-lib.h
tests_unit_test_pg_LDADD = $(UNIT_LIBS)
tests_unit_test_quorum_SOURCES = tests/unit/test-quorum.c tests/unit/test-lib.h
tests_unit_test_quorum_LDADD = $(UNIT_LIBS)
tests_unit_test_rank_SOURCES = tests/unit/test-rank.c tests/unit/test-lib.h
tests_unit_test_rank_LDADD = $(UNIT_LIBS)
tests_unit_test_restart_SOURCES = tests/unit/test-restart.c tests/unit/test-lib.h
tests_unit_test_restart_LDADD = $(UNIT_LIBS)
tests_unit_test_environment_SOURCES = tests/unit/test-environment.c tests/unit/test-lib.h
tests_unit_test_environment_LDADD = $(UNIT_LIBS)
tests_unit_test_schema_SOURCES = tests/unit/test-schema.c tests/unit/test-lib.h
tests_unit_test_schema_LDADD = $(UNIT_LIBS)
tests_unit_test_settings_SOURCES = tests/unit/test-settings.c tests/unit/test-lib.h
tests_unit_test_settings_LDADD = $(UNIT_LIBS)
tests_unit_test_stall_SOURCES = tests/unit/test-stall.c tests/unit/test-lib.h
tests_unit_test_stall_LDADD = $(UNIT_LIBS)
tests_unit_test_str_SOURCES = tests/unit/test-str.c tests/unit/test-lib.h
tests_unit_test_str_LDADD = $(UNIT_LIBS)
tests_unit_test_vip_SOURCES = tests/unit/test-vip.c tests/unit/test-lib.h
tests_unit_test_vip_LDADD = $(UNIT_LIBS)
tests_unit_test_failsafe_SOURCES = tests/unit/test-failsafe.c tests/unit/test-lib.h
tests_unit_test_failsafe_LDADD = $(UNIT_LIBS)
tests_unit_test_switchover_SOURCES = tests/unit/test-switchover.c tests/unit/test-lib.h
tests_unit_test_switchover_LDADD = $(UNIT_LIBS)
tests_unit_test_sync_SOURCES = tests/unit/test-sync.c tests/unit/test-lib.h
tests_unit_test_sync_LDADD = $(UNIT_LIBS)
tests_unit_test_timing_SOURCES = tests/unit/test-timing.c tests/unit/test-lib.h
tests_unit_test_timing_LDADD = $(UNIT_LIBS)
tests_unit_test_tree_SOURCES = tests/unit/test-tree.c tests/unit/test-lib.h
tests_unit_test_tree_LDADD = $(UNIT_LIBS)
tests_unit_test_usec_SOURCES = tests/unit/test-usec.c tests/unit/test-lib.h
tests_unit_test_usec_LDADD = $(UNIT_LIBS)
tests_unit_test_utf8_SOURCES = tests/unit/test-utf8.c tests/unit/test-lib.h
tests_unit_test_utf8_LDADD = $(UNIT_LIBS)
tests_unit_test_worker_SOURCES = tests/unit/test-worker.c tests/unit/test-lib.h
tests_unit_test_worker_LDADD = $(UNIT_LIBS)
tests_unit_test_words_SOURCES = tests/unit/test-words.c tests/unit/test-lib.h
tests_unit_test_words_LDADD = $(UNIT_LIBS)
tests_unit_test_wire_SOURCES = tests/unit/test-wire.c tests/unit/test-lib.h tests/unit/wire-packets.h
tests_unit_test_wire_LDADD = $(UNIT_LIBS)
tests_unit_test_wire_inside_SOURCES = tests/unit/test-wire-inside.c tests/unit/test-lib.h \
	tests/unit/wire-packets.h
tests_unit_test_wire_inside_LDADD = $(UNIT_LIBS)
tests_unit_test_yaml_SOURCES = tests/unit/test-yaml.c tests/unit/test-lib.h
tests_unit_test_yaml_LDADD = $(UNIT_LIBS)

endif
