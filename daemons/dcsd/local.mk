sbin_PROGRAMS += palisade-dcsd
# Pure: no system calls, no clock. Unit tests and the simulator link these alone.
DCSD_PURE = \
	daemons/dcsd/base64.c daemons/dcsd/base64.h \
	daemons/dcsd/body.c daemons/dcsd/body.h \
	daemons/dcsd/cache.c daemons/dcsd/cache.h \
	daemons/dcsd/decode.c daemons/dcsd/decode.h \
	daemons/dcsd/doubt.c daemons/dcsd/doubt.h \
	daemons/dcsd/encode.c daemons/dcsd/encode.h \
	daemons/dcsd/endpoints.c daemons/dcsd/endpoints.h \
	daemons/dcsd/errors.c daemons/dcsd/errors.h \
	daemons/dcsd/health.c daemons/dcsd/health.h \
	daemons/dcsd/paths.c daemons/dcsd/paths.h \
	daemons/dcsd/peer.c daemons/dcsd/peer.h \
	daemons/dcsd/policy.c daemons/dcsd/policy.h \
	daemons/dcsd/record.c daemons/dcsd/record.h \
	daemons/dcsd/reply.c daemons/dcsd/reply.h \
	daemons/dcsd/retain.c daemons/dcsd/retain.h \
	daemons/dcsd/srv.c daemons/dcsd/srv.h \
	daemons/dcsd/version.c daemons/dcsd/version.h \
	daemons/dcsd/wish.c daemons/dcsd/wish.h
palisade_dcsd_SOURCES = $(DCSD_PURE) \
	daemons/dcsd/asks.c daemons/dcsd/asks.h \
	daemons/dcsd/call.c \
	daemons/dcsd/configure.c daemons/dcsd/configure.h \
	daemons/dcsd/dcsd.c daemons/dcsd/dcsd.h \
	daemons/dcsd/discover.c daemons/dcsd/discover.h \
	daemons/dcsd/etcd.c daemons/dcsd/etcd.h daemons/dcsd/etcd-internal.h \
	daemons/dcsd/failsafe.c daemons/dcsd/failsafe.h \
	daemons/dcsd/hosts.c daemons/dcsd/hosts.h \
	daemons/dcsd/http.c daemons/dcsd/http.h \
	daemons/dcsd/lease.c daemons/dcsd/lease.h \
	daemons/dcsd/main.c \
	daemons/dcsd/order.c daemons/dcsd/order.h \
	daemons/dcsd/publish.c daemons/dcsd/publish.h \
	daemons/dcsd/report.c daemons/dcsd/report.h \
	daemons/dcsd/vips.c daemons/dcsd/vips.h \
	daemons/dcsd/watch.c daemons/dcsd/watch.h
palisade_dcsd_LDADD = $(IO_LDADD) $(CONFIG_LDADD) $(CURL_LIBS) $(CARES_LIBS)
