sbin_PROGRAMS += palisade-apid
# Pure: what is known and asked in, what to answer out. Unit tests link these alone.
APID_PURE = \
	daemons/apid/access.c daemons/apid/access.h \
	daemons/apid/answer.c daemons/apid/answer.h \
	daemons/apid/cluster-json.c daemons/apid/cluster-json.h \
	daemons/apid/explain.c daemons/apid/explain.h \
	daemons/apid/health.c daemons/apid/health.h \
	daemons/apid/maker.c daemons/apid/maker.h \
	daemons/apid/metrics.c daemons/apid/metrics.h \
	daemons/apid/node-json.c daemons/apid/node-json.h \
	daemons/apid/query.c daemons/apid/query.h \
	daemons/apid/route.c daemons/apid/route.h \
	daemons/apid/view.c daemons/apid/view.h \
	daemons/apid/wish.c daemons/apid/wish.h
palisade_apid_SOURCES = $(APID_PURE) \
	daemons/apid/apid.c daemons/apid/apid.h \
	daemons/apid/doors.c daemons/apid/doors.h \
	daemons/apid/exchange.c daemons/apid/exchange.h \
	daemons/apid/main.c \
	daemons/apid/respond.c daemons/apid/respond.h \
	daemons/apid/server.c daemons/apid/server.h \
	daemons/apid/setup.c daemons/apid/setup.h \
	daemons/apid/tls.c daemons/apid/tls.h
palisade_apid_LDADD = $(IO_LDADD) $(CONFIG_LDADD) $(MHD_LIBS) -lgnutls
