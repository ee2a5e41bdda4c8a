# Unit tests of palisaded's files; what they call upon is played by the test.
if HAVE_CMOCKA

check_PROGRAMS += tests/unit/test-authority
TESTS += tests/unit/test-authority
tests_unit_test_authority_SOURCES = tests/unit/test-authority.c tests/unit/test-lib.h \
	daemons/palisaded/authority.c
tests_unit_test_authority_LDADD = $(UNIT_LIBS)

endif
