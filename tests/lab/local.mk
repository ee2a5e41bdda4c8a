# The lab's client. The lab compiles one itself where `make` has not.

noinst_PROGRAMS += tests/lab/palisade-writer
tests_lab_palisade_writer_SOURCES = \
	tests/lab/writer.c \
	tests/lab/writer-ledger.c tests/lab/writer-ledger.h \
	tests/lab/writer-link.c tests/lab/writer-link.h \
	tests/lab/writer-options.c tests/lab/writer-options.h \
	tests/lab/writer-report.c tests/lab/writer-report.h
tests_lab_palisade_writer_LDADD = $(PQ_LIBS)

EXTRA_DIST += \
	tests/lab/README.md \
	tests/lab/image/packages \
	tests/lab/image/root \
	tests/lab/lab \
	tests/lab/nemesis \
	tests/lab/palisade_lab \
	tests/lab/palisade_nemesis \
	tests/lab/selftest \
	tests/lab/templates
