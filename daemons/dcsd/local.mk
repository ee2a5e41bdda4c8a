sbin_PROGRAMS += palisade-dcsd
palisade_dcsd_SOURCES = \
	daemons/dcsd/main.c
palisade_dcsd_LDADD = $(IO_LDADD) $(CONFIG_LDADD) $(CURL_LIBS)
