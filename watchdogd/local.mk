# Links libc alone (DESIGN, section 1): no libsystemd, and of ours only what is pure.
sbin_PROGRAMS += palisade-watchdogd
WATCHDOGD_PURE = \
	watchdogd/choose.c watchdogd/choose.h \
	watchdogd/factor.c watchdogd/factor.h \
	watchdogd/ipmi-codec.c watchdogd/ipmi-codec.h \
	watchdogd/policy.c watchdogd/policy.h
palisade_watchdogd_SOURCES = $(WATCHDOGD_PURE) \
	watchdogd/cause.c watchdogd/cause.h \
	watchdogd/clock.h \
	watchdogd/device.c watchdogd/device.h \
	watchdogd/device-ipmi.c \
	watchdogd/device-kernel.c \
	watchdogd/events.h \
	watchdogd/holder.c watchdogd/holder.h \
	watchdogd/log.c watchdogd/log.h \
	watchdogd/main.c \
	watchdogd/notify.c watchdogd/notify.h \
	watchdogd/petter.c watchdogd/petter.h \
	watchdogd/scan.c watchdogd/scan.h \
	watchdogd/table.c watchdogd/table.h \
	watchdogd/trial.c watchdogd/trial.h \
	watchdogd/watchdogd.c watchdogd/watchdogd.h
palisade_watchdogd_LDADD = lib/libwire.a lib/libmodel.a lib/libbase.a
