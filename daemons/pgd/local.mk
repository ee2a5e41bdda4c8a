sbin_PROGRAMS += palisade-pgd
palisade_pgd_SOURCES = \
	daemons/pgd/main.c
palisade_pgd_LDADD = $(IO_LDADD) $(CONFIG_LDADD) $(PQ_LIBS)
