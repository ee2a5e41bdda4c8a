sbin_PROGRAMS += palisaded
palisaded_SOURCES = \
	daemons/palisaded/main.c
palisaded_LDADD = lib/libdecide.a $(IO_LDADD) $(CONFIG_LDADD)
