# The mouth and the command line: pure parts against what a running Patroni and patronictl said.

API_SCENES = tests/unit/api-scenes.c tests/unit/api-scenes.h
EXTRA_DIST += tests/unit/api-scenes tests/system/test-api.py tests/system/api_world.py \
	tests/system/api_cases.py tests/system/ctl_cases.py

API_TESTS = \
	tests/unit/test-apid-health \
	tests/unit/test-apid-json \
	tests/unit/test-apid-request

if HAVE_CMOCKA
check_PROGRAMS += $(API_TESTS)
TESTS += $(API_TESTS)
check_LIBRARIES += tests/unit/libapid.a
tests_unit_libapid_a_SOURCES = $(APID_PURE)
endif

tests_unit_test_apid_health_SOURCES = tests/unit/test-apid-health.c $(API_SCENES)
tests_unit_test_apid_health_LDADD = tests/unit/libapid.a $(UNIT_LIBS)
tests_unit_test_apid_json_SOURCES = tests/unit/test-apid-json.c $(API_SCENES)
tests_unit_test_apid_json_LDADD = tests/unit/libapid.a $(UNIT_LIBS)
tests_unit_test_apid_request_SOURCES = tests/unit/test-apid-request.c $(API_SCENES)
tests_unit_test_apid_request_LDADD = tests/unit/libapid.a $(UNIT_LIBS)

# Stands in for the mind before the API; tests/system/test-api.py drives it.
check_PROGRAMS += tests/unit/mind-for-api
tests_unit_mind_for_api_SOURCES = tests/unit/mind-for-api.c $(API_SCENES)
tests_unit_mind_for_api_LDADD = lib/libdecide.a $(IO_LDADD) $(CONFIG_LDADD)
