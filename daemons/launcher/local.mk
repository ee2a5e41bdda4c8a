sbin_PROGRAMS += palisade-launcher
palisade_launcher_SOURCES = \
	daemons/launcher/launcher.c daemons/launcher/launcher.h \
	daemons/launcher/main.c \
	daemons/launcher/spawn.c daemons/launcher/spawn.h
palisade_launcher_LDADD = $(IO_LDADD)
