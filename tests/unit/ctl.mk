# Unit tests of palisadectl's files.
if HAVE_CMOCKA

CTL_TESTS = \
	tests/unit/test-ctl-diff \
	tests/unit/test-ctl-edits \
	tests/unit/test-ctl-grid \
	tests/unit/test-ctl-members \
	tests/unit/test-ctl-options \
	tests/unit/test-ctl-record \
	tests/unit/test-ctl-template \
	tests/unit/test-ctl-timelines \
	tests/unit/test-ctl-yaml-out

check_PROGRAMS += $(CTL_TESTS)
TESTS += $(CTL_TESTS)
noinst_LIBRARIES += tests/unit/libctl.a
tests_unit_libctl_a_SOURCES = $(CTL_PARTS) $(API_SCENES)

CTL_TEST_LDADD = tests/unit/libctl.a $(UNIT_LIBS)
tests_unit_test_ctl_diff_SOURCES = tests/unit/test-ctl-diff.c tests/unit/test-ctl.h
tests_unit_test_ctl_diff_LDADD = $(CTL_TEST_LDADD)
tests_unit_test_ctl_edits_SOURCES = tests/unit/test-ctl-edits.c tests/unit/test-ctl.h
tests_unit_test_ctl_edits_LDADD = $(CTL_TEST_LDADD)
tests_unit_test_ctl_grid_SOURCES = tests/unit/test-ctl-grid.c tests/unit/test-ctl.h
tests_unit_test_ctl_grid_LDADD = $(CTL_TEST_LDADD)
tests_unit_test_ctl_members_SOURCES = tests/unit/test-ctl-members.c tests/unit/test-ctl.h
tests_unit_test_ctl_members_LDADD = $(CTL_TEST_LDADD)
tests_unit_test_ctl_options_SOURCES = tests/unit/test-ctl-options.c tests/unit/test-ctl.h
tests_unit_test_ctl_options_LDADD = $(CTL_TEST_LDADD) $(CURL_LIBS) $(PQ_LIBS)
tests_unit_test_ctl_record_SOURCES = tests/unit/test-ctl-record.c tests/unit/test-ctl.h
tests_unit_test_ctl_record_LDADD = tests/unit/libapid.a $(CTL_TEST_LDADD)
tests_unit_test_ctl_template_SOURCES = tests/unit/test-ctl-template.c tests/unit/test-lib.h
tests_unit_test_ctl_template_LDADD = $(CTL_TEST_LDADD)
tests_unit_test_ctl_timelines_SOURCES = tests/unit/test-ctl-timelines.c tests/unit/test-ctl.h
tests_unit_test_ctl_timelines_LDADD = $(CTL_TEST_LDADD)
tests_unit_test_ctl_yaml_out_SOURCES = tests/unit/test-ctl-yaml-out.c tests/unit/test-ctl.h
tests_unit_test_ctl_yaml_out_LDADD = $(CTL_TEST_LDADD)

endif
