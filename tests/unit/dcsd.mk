# Unit tests of palisade-dcsd's pure files.
if HAVE_CMOCKA

DCSD_TESTS = \
	tests/unit/test-dcsd-body \
	tests/unit/test-dcsd-cache \
	tests/unit/test-dcsd-decode \
	tests/unit/test-dcsd-doubt \
	tests/unit/test-dcsd-encode \
	tests/unit/test-dcsd-endpoints \
	tests/unit/test-dcsd-errors \
	tests/unit/test-dcsd-health \
	tests/unit/test-dcsd-peer \
	tests/unit/test-dcsd-policy \
	tests/unit/test-dcsd-record \
	tests/unit/test-dcsd-reply \
	tests/unit/test-dcsd-srv \
	tests/unit/test-dcsd-wish

check_PROGRAMS += $(DCSD_TESTS)
TESTS += $(DCSD_TESTS)
noinst_LIBRARIES += tests/unit/libdcsd.a
tests_unit_libdcsd_a_SOURCES = $(DCSD_PURE)

DCSD_TEST_LDADD = tests/unit/libdcsd.a $(UNIT_LIBS)
tests_unit_test_dcsd_body_SOURCES = tests/unit/test-dcsd-body.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_body_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_cache_SOURCES = tests/unit/test-dcsd-cache.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_cache_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_decode_SOURCES = tests/unit/test-dcsd-decode.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_decode_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_doubt_SOURCES = tests/unit/test-dcsd-doubt.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_doubt_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_encode_SOURCES = tests/unit/test-dcsd-encode.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_encode_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_endpoints_SOURCES = tests/unit/test-dcsd-endpoints.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_endpoints_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_errors_SOURCES = tests/unit/test-dcsd-errors.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_errors_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_health_SOURCES = tests/unit/test-dcsd-health.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_health_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_peer_SOURCES = tests/unit/test-dcsd-peer.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_peer_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_policy_SOURCES = tests/unit/test-dcsd-policy.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_policy_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_record_SOURCES = tests/unit/test-dcsd-record.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_record_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_reply_SOURCES = tests/unit/test-dcsd-reply.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_reply_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_srv_SOURCES = tests/unit/test-dcsd-srv.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_srv_LDADD = $(DCSD_TEST_LDADD)
tests_unit_test_dcsd_wish_SOURCES = tests/unit/test-dcsd-wish.c tests/unit/test-dcsd.h
tests_unit_test_dcsd_wish_LDADD = $(DCSD_TEST_LDADD)

endif

# The puppet that tests/system/test-dcsd.py puts in the mind's place.
check_PROGRAMS += tests/system/mind-puppet
tests_system_mind_puppet_SOURCES = tests/system/mind-puppet.c
tests_system_mind_puppet_LDADD = $(IO_LDADD) $(CONFIG_LDADD)
EXTRA_DIST += tests/system/test-dcsd.py
