sbin_PROGRAMS += palisade-apid
palisade_apid_SOURCES = \
	daemons/apid/main.c
palisade_apid_LDADD = $(IO_LDADD) $(CONFIG_LDADD) $(MHD_LIBS)
