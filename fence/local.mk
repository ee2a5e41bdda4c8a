sbin_PROGRAMS += palisade-fenced
FENCE_PURE = \
	fence/arp-codec.c fence/arp-codec.h \
	fence/link-table.c fence/link-table.h \
	fence/plan.c fence/plan.h \
	fence/sockets-codec.c fence/sockets-codec.h
palisade_fenced_SOURCES = $(FENCE_PURE) \
	fence/addresses.c fence/addresses.h \
	fence/arp.c fence/arp.h \
	fence/fenced.c fence/fenced.h \
	fence/gate.c fence/gate.h \
	fence/main.c \
	fence/netlink.c fence/netlink.h \
	fence/pooler-gate.c fence/pooler-gate.h \
	fence/poolers.c fence/poolers.h \
	fence/sockets.c fence/sockets.h \
	fence/vip.c fence/vip.h \
	fence/ward.c fence/ward.h
palisade_fenced_LDADD = $(IO_LDADD) $(NL_LIBS)
