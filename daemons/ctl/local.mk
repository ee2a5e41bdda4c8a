bin_PROGRAMS += palisadectl
palisadectl_SOURCES = \
	daemons/ctl/main.c
palisadectl_LDADD = $(IO_LDADD) $(CONFIG_LDADD) $(CURL_LIBS)
