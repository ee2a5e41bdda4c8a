# Links libc alone (DESIGN, section 1): no libsystemd, and of ours only what is pure.
sbin_PROGRAMS += palisade-watchdogd
palisade_watchdogd_SOURCES = \
	watchdogd/main.c \
	watchdogd/notify.c watchdogd/notify.h \
	watchdogd/watchdogd.c watchdogd/watchdogd.h
palisade_watchdogd_LDADD = lib/libwire.a lib/libmodel.a lib/libbase.a
