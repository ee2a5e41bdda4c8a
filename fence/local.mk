sbin_PROGRAMS += palisade-fenced
palisade_fenced_SOURCES = \
	fence/main.c
palisade_fenced_LDADD = $(IO_LDADD) $(NL_LIBS)
