sbin_PROGRAMS += palisade-watchdogd
palisade_watchdogd_SOURCES = \
	watchdogd/main.c
palisade_watchdogd_LDADD = lib/libwire.a lib/libmodel.a lib/libbase.a
