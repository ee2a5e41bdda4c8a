sbin_PROGRAMS += palisaded
palisaded_SOURCES = \
	daemons/palisaded/api.c \
	daemons/palisaded/authority.c \
	daemons/palisaded/bar.c \
	daemons/palisaded/duties.c \
	daemons/palisaded/explain.c \
	daemons/palisaded/failsafe.c \
	daemons/palisaded/handover.c \
	daemons/palisaded/hands.c daemons/palisaded/hands.h \
	daemons/palisaded/main.c \
	daemons/palisaded/member.c \
	daemons/palisaded/node.c \
	daemons/palisaded/orders.c \
	daemons/palisaded/palisaded.c daemons/palisaded/palisaded.h \
	daemons/palisaded/pause.c \
	daemons/palisaded/probe.c \
	daemons/palisaded/race.c \
	daemons/palisaded/reaper.c daemons/palisaded/reaper.h \
	daemons/palisaded/reinit.c \
	daemons/palisaded/restart.c \
	daemons/palisaded/run.c daemons/palisaded/run.h \
	daemons/palisaded/timing.c \
	daemons/palisaded/twin.c \
	daemons/palisaded/unsync.c \
	daemons/palisaded/vips.c \
	daemons/palisaded/watchdog.c
palisaded_LDADD = lib/libdecide.a $(IO_LDADD) $(YAML_LIBS)

install-exec-hook:
	$(MKDIR_P) $(DESTDIR)$(bindir)
	rm -f $(DESTDIR)$(bindir)/palisade
	$(LN_S) $(sbindir)/palisaded $(DESTDIR)$(bindir)/palisade

uninstall-hook:
	rm -f $(DESTDIR)$(bindir)/palisade
