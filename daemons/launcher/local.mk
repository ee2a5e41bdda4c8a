sbin_PROGRAMS += palisade-launcher
palisade_launcher_SOURCES = \
	daemons/launcher/main.c
palisade_launcher_LDADD = $(IO_LDADD)
